import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Orchestrator, StepRegistry, StepResult } from './index.js';
import type { BaseStep, StepRunOptions } from './index.js';
import { TestContext, rejection, step } from '../test-support/recording.js';

const never = () => new Promise<never>(() => {});

/** A step that ends as soon as its signal says so. */
const obedient = (name: string, end: () => unknown): BaseStep<TestContext> =>
  step(name, {
    execute: (_context, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          try {
            resolve(end());
          } catch (thrown) {
            reject(thrown instanceof Error ? thrown : new Error('odd'));
          }
        });
      }),
  });

function begin(steps: BaseStep<TestContext>[], options: StepRunOptions = {}) {
  const context = new TestContext();
  const registry = new StepRegistry<TestContext>();
  for (const one of steps) registry.register(one);
  const controller = new AbortController();
  const all = { signal: controller.signal, ...options };
  const running = new Orchestrator(registry, context, undefined, all).execute();
  // So that a rejection before the test looks at it is not an unhandled one.
  running.catch(() => {});
  return { context, controller, running };
}

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
    const fetches = obedient('fetches', () => {
      throw cause;
    });
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
    const { context, controller, running } = begin([obedient('a', () => new StepResult()), step('b')]);
    await jest.advanceTimersByTimeAsync(10);
    controller.abort();
    expect(await rejection(running)).toMatchObject({ code: 'ABORTED', step: 'b' });
    expect(context.did).toEqual(['a', 'undo a']);
  });

  test('when its last step has succeeded has succeeded', async () => {
    const { controller, running } = begin([step('a'), obedient('b', () => new StepResult())]);
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

describe('a time limit', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const after = (ms: number) => () =>
    new Promise((resolve) => setTimeout(() => resolve(new StepResult()), ms));

  test.each<[name: string, options: StepRunOptions, code: string]>([
    ['for each step', { stepTimeoutMs: 1_000 }, 'STEP_TIMEOUT'],
    ['for the run', { timeoutMs: 1_000 }, 'TIMEOUT'],
  ])('%s ends a step that never settles, and rollback runs', async (_name, options, code) => {
    const { context, running } = begin([step('a'), step('stuck', { execute: never })], options);
    await jest.advanceTimersByTimeAsync(5_999);
    expect(context.did).toEqual(['a', 'stuck']);
    await jest.advanceTimersByTimeAsync(1);
    expect(await rejection(running)).toMatchObject({
      code,
      step: 'stuck',
      message: expect.stringContaining(
        "Step 'stuck' failed: it took longer than 1000 ms; told to stop, it did",
      ),
    });
    expect(context.did).toEqual(['a', 'stuck', 'undo a']);
  });

  test('for each step begins anew with each step; that for the run does not', async () => {
    const steps = () => [step('a', { execute: after(800) }), step('b', { execute: after(800) }), step('c')];
    const each = begin(steps(), { stepTimeoutMs: 1_000 });
    await jest.advanceTimersByTimeAsync(1_600);
    expect(await each.running).toMatchObject({ stepsExecuted: 3 });
    const all = begin(steps(), { timeoutMs: 1_000 });
    await jest.advanceTimersByTimeAsync(1_600);
    expect(await rejection(all.running)).toMatchObject({
      code: 'TIMEOUT',
      message: "Stopped before step 'c': it took longer than 1000 ms",
    });
    expect(all.context.did).toEqual(['a', 'b', 'undo b', 'undo a']);
  });

  test('for each step tells the step, whose result counts when it ends well all the same', async () => {
    const { running } = begin([obedient('a', () => new StepResult()), step('b')], { stepTimeoutMs: 1_000 });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await running).toMatchObject({ stepsExecuted: 2 });
  });

  test('for each rollback gives up one that never settles, and the next one runs', async () => {
    const told: unknown[] = [];
    const stuck = step('stuck', {
      rollback: (_context, _result, signal) => {
        signal.addEventListener('abort', () => told.push('stop'));
        return never();
      },
    });
    const fails = step('fails', { execute: () => Promise.reject(new Error('full')) });
    const { context, running } = begin([step('a'), stuck, fails], { rollbackTimeoutMs: 1_000, graceMs: 300 });
    await jest.advanceTimersByTimeAsync(1_300);
    const failure =
      "Rollback failed for 'stuck': it took longer than 1000 ms; told to stop, it did not end within 300 ms and may still be running";
    expect(await rejection(running)).toMatchObject({
      message: "Step 'fails' failed: full",
      code: 'STEP_FAILED',
      retryable: false,
      rollbackFailures: [failure],
    });
    expect(told).toEqual(['stop']);
    expect(context.did).toEqual(['a', 'stuck', 'fails', 'undo stuck', 'undo a']);
  });

  test('of a run does not count for its rollbacks, nor does its signal', async () => {
    const signals: boolean[] = [];
    const slow = step('slow', {
      rollback: async (_context, _result, signal) => {
        controller.abort();
        await after(60_000)();
        signals.push(signal.aborted);
      },
    });
    const fails = step('fails', { execute: () => Promise.reject(new Error('full')) });
    const { context, controller, running } = begin([slow, fails], { timeoutMs: 1_000, stepTimeoutMs: 1_000 });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(await rejection(running)).toMatchObject({
      message: "Step 'fails' failed: full",
      rollbackFailures: [],
    });
    expect(signals).toEqual([false]);
    expect(context.errors).toEqual([]);
  });

  test('leaves nothing behind when the run ends before it', async () => {
    const { running } = begin([step('a')], { timeoutMs: 1_000, stepTimeoutMs: 1_000 });
    await running;
    expect(jest.getTimerCount()).toBe(0);
  });
});

test('a run does not stay attached to the signal of its caller', async () => {
  const { signal } = new AbortController();
  const { running } = begin([step('a'), step('b')], { signal });
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await running;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
