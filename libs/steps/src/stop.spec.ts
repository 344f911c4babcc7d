import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { StepResult } from './index.js';
import { begin, never, obedient, rejection, step } from '../test-support/recording.js';

describe('a run that is stopped', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  test('by its signal between steps begins no other, and is rolled back', async () => {
    const reason = new Error('shutting down');
    const stops = step('b', {
      execute: () => {
        controller.abort(reason);
        return new StepResult();
      },
    });
    const { context, controller, running } = begin([step('a'), stops, step('c')]);
    expect(await rejection(running)).toMatchObject({
      name: 'StepExecutionError',
      message: "Stopped before step 'c': shutting down",
      code: 'ABORTED',
      step: 'c',
      cause: reason,
      retryable: true,
    });
    expect(context.did).toEqual(['a', 'b', 'undo b', 'undo a']);
    expect(context.stepResults).toHaveLength(2);
    expect(context.currentStep).toBeNull();
  });

  test('before it began runs nothing', async () => {
    const { context, running } = begin([step('a')], { signal: AbortSignal.abort(new Error('too late')) });
    expect(await rejection(running)).toMatchObject({
      code: 'ABORTED',
      message: "Stopped before step 'a': too late",
    });
    expect(context.did).toEqual([]);
  });

  test('while canSkip takes its time does not execute the step', async () => {
    const asks = step('asks', {
      canSkip: (_context, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(false));
        }),
    });
    const { context, controller, running } = begin([asks]);
    controller.abort(new Error('enough'));
    expect(await rejection(running)).toMatchObject({
      code: 'ABORTED',
      message: "Step 'asks' failed: enough",
    });
    expect(context.did).toEqual([]);
  });

  test('waits for the step that heeds its signal, whose own words are the cause', async () => {
    const cause = new Error('request cancelled');
    const fetches = obedient('fetches', () => Promise.reject(cause));
    const { context, controller, running } = begin([step('a'), fetches]);
    await jest.advanceTimersByTimeAsync(10);
    controller.abort();
    expect(await rejection(running)).toMatchObject({
      message: "Step 'fetches' failed: request cancelled",
      code: 'ABORTED',
      cause,
      retryable: true,
    });
    expect(context.did).toEqual(['a', 'fetches', 'undo a']);
  });

  test('rolls back a step that succeeded after it was told to stop', async () => {
    const { context, controller, running } = begin([obedient('a', async () => new StepResult()), step('b')]);
    await jest.advanceTimersByTimeAsync(10);
    controller.abort();
    expect(await rejection(running)).toMatchObject({ code: 'ABORTED', step: 'b' });
    expect(context.did).toEqual(['a', 'undo a']);
  });

  test('when its last step has succeeded has succeeded', async () => {
    const { controller, running } = begin([step('a'), obedient('b', async () => new StepResult())]);
    await jest.advanceTimersByTimeAsync(10);
    controller.abort();
    expect(await running).toMatchObject({ success: true, stepsExecuted: 2 });
  });

  test('gives up a step that does not settle, and rolls back the others', async () => {
    const { context, controller, running } = begin([step('a'), step('stuck', { execute: never })], {
      graceMs: 300,
    });
    await jest.advanceTimersByTimeAsync(10_000);
    controller.abort(new Error('shutting down'));
    await jest.advanceTimersByTimeAsync(299);
    expect(context.did).toEqual(['a', 'stuck']);
    await jest.advanceTimersByTimeAsync(1);
    const reason = 'shutting down; told to stop, it did not end within 300 ms and may still be running';
    expect(await rejection(running)).toMatchObject({
      message: `Step 'stuck' failed: ${reason}`,
      code: 'ABORTED',
      step: 'stuck',
      retryable: false,
    });
    expect(context.did).toEqual(['a', 'stuck', 'undo a']);
    expect(context.stepResults.at(-1)).toMatchObject({ success: false, error: reason });
  });

  test('gives up a canSkip that does not settle, and does not execute its step when it does later', async () => {
    let decide = (_skip: boolean) => {};
    const asks = step('asks', { canSkip: () => new Promise<boolean>((resolve) => (decide = resolve)) });
    const { context, controller, running } = begin([asks], { graceMs: 300 });
    controller.abort();
    await jest.advanceTimersByTimeAsync(300);
    expect(await rejection(running)).toMatchObject({ code: 'ABORTED', retryable: false });
    decide(false);
    await jest.advanceTimersByTimeAsync(0);
    expect(context.did).toEqual([]);
  });
});

test('a run does not stay attached to the signal of its caller', async () => {
  const { signal } = new AbortController();
  const { running } = begin([step('a'), step('b')], { signal });
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await running;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
