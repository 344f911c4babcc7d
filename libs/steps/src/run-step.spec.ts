import { describe, expect, test } from '@jest/globals';
import { Orchestrator, StepExecutionError, StepResult } from './index.js';
import type { BaseStep } from './index.js';
import { TestContext, rejection, registryOf, step } from '../test-support/recording.js';

const run = (steps: BaseStep<TestContext>[]) =>
  new Orchestrator(registryOf(...steps), new TestContext()).execute();

const skipped = (name: string) => step(name, { canSkip: () => true });

describe('a step that fails', () => {
  test('ends the run with an error that names it, after what was done is undone', async () => {
    const context = new TestContext();
    const callback: unknown[] = [];
    const cause = Object.assign(new Error('Out of memory'), { code: 'ENOMEM' });
    const train = step('train', { execute: () => Promise.reject(cause) });
    const steps = registryOf(step('a'), skipped('b'), step('c'), train, step('d'));
    const error = await rejection(
      new Orchestrator(steps, context, (percent) => callback.push(percent)).execute(),
    );
    expect(error).toBeInstanceOf(StepExecutionError);
    expect(error).toMatchObject({
      name: 'StepExecutionError',
      message: "Step 'train' failed: Out of memory",
      code: 'STEP_FAILED',
      step: 'train',
      cause,
      retryable: true,
      rollbackFailures: [],
    });
    expect(context.did).toEqual(['a', 'c', 'train', 'undo c', 'undo a']);
    expect(context.errors).toEqual([]);
    expect(callback).toEqual([20, 40, 60]);
    expect(context.stepResults.at(-1)).toMatchObject({ success: false, error: 'Out of memory' });
  });

  test('may say so by its result, which is then the cause', async () => {
    const result = new StepResult({ success: false, error: 'No files found' });
    const error = await rejection(run([step('find', { execute: () => result })]));
    expect(error).toMatchObject({ message: "Step 'find' failed: No files found", cause: result });
  });

  test('has failed also when it says that it was skipped', async () => {
    const error = await rejection(
      run([step('odd', { execute: () => new StepResult({ success: false, skipped: true }) })]),
    );
    expect(error).toMatchObject({ message: "Step 'odd' failed: it gave no reason" });
  });

  test.each<[unknown, string]>([
    ['full', 'full'],
    [new RangeError(), 'RangeError'],
    [undefined, 'undefined'],
    [Object.create(null), 'something that cannot be shown was thrown'],
  ])('may throw anything (%#)', async (thrown, reason) => {
    const throws = step('odd', {
      execute: () => {
        throw thrown;
      },
    });
    expect(await rejection(run([throws]))).toMatchObject({
      message: `Step 'odd' failed: ${reason}`,
      cause: thrown,
    });
  });

  test('is not worth another try when what it threw says so', async () => {
    const refused = Object.assign(new Error('no such account'), { retryable: false });
    const error = await rejection(run([step('pay', { execute: () => Promise.reject(refused) })]));
    expect(error).toMatchObject({ retryable: false });
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [true, 'a boolean'],
    [{ success: true }, 'an object'],
  ])('is one that returns what is not a StepResult (%#)', async (returned, kind) => {
    const context = new TestContext();
    const steps = registryOf(step('a'), step('odd', { execute: () => returned }));
    const error = await rejection(new Orchestrator(steps, context).execute());
    const reason = `execute returned ${kind}, not a StepResult`;
    expect(error).toMatchObject({
      message: `Step 'odd' failed: ${reason}`,
      code: 'INVALID_RESULT',
      step: 'odd',
      retryable: false,
    });
    expect(context.stepResults.at(-1)).toMatchObject({ success: false, error: reason });
    expect(context.did).toEqual(['a', 'odd', 'undo a']);
  });
});

describe('canSkip', () => {
  test('that throws fails its step, which is not executed', async () => {
    const context = new TestContext();
    const cause = new Error('no params');
    const asks = step('asks', { canSkip: () => Promise.reject(cause) });
    const error = await rejection(new Orchestrator(registryOf(step('a'), asks), context).execute());
    expect(error).toMatchObject({
      message: "Step 'asks' failed: no params",
      code: 'STEP_FAILED',
      step: 'asks',
      cause,
    });
    expect(context.did).toEqual(['a', 'undo a']);
    expect(context.stepResults.at(-1)).toMatchObject({ success: false, skipped: false, error: 'no params' });
  });

  test('that returns no boolean fails its step', async () => {
    const error = await rejection(run([step('asks', { canSkip: () => undefined })]));
    expect(error).toMatchObject({ message: "Step 'asks' failed: canSkip returned undefined, not a boolean" });
  });
});
