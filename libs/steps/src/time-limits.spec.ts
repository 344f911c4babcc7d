import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { StepResult, runStep } from './index.js';
import type { StepRunOptions } from './index.js';
import { TestContext, begin, never, obedient, rejection, step } from '../test-support/recording.js';

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
    const { running } = begin([obedient('a', async () => new StepResult()), step('b')], {
      stepTimeoutMs: 1_000,
    });
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

test('one step by itself is waited for, however long it takes to heed its signal', async () => {
  const context = new TestContext();
  const controller = new AbortController();
  let end = (_result: StepResult): void => {};
  const slow = step('slow', { execute: () => new Promise<StepResult>((resolve) => (end = resolve)) });
  const running = runStep(slow, context, controller.signal);
  await new Promise(setImmediate);
  controller.abort(new Error('enough'));
  await new Promise(setImmediate);
  const result = new StepResult({ data: { n: 1 } });
  end(result);
  expect(await running).toEqual({ result });
});

test('one step by itself that fails says how a run would end', async () => {
  const stubborn = step('stubborn', { execute: () => new StepResult({ success: false, error: 'no' }) });
  expect(await runStep(stubborn, new TestContext(), new AbortController().signal)).toMatchObject({
    result: { success: false, error: 'no' },
    end: { message: "Step 'stubborn' failed: no", facts: { code: 'STEP_FAILED', step: 'stubborn' } },
  });
});
