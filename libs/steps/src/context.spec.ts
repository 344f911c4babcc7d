import { describe, expect, test } from '@jest/globals';
import { BaseStepContext, StepOrchestrator, StepRegistry, StepResult } from './index.js';
import { RecordingRuntime, TestContext, fieldsOf, rejection, step } from '../test-support/recording.js';

describe('a context', () => {
  test('has the runtime, no results, no errors and no current step at first', () => {
    const runtime = new RecordingRuntime();
    expect(fieldsOf(new BaseStepContext(runtime))).toEqual({
      runtimeCtx: runtime,
      stepResults: [],
      errors: [],
      currentStep: null,
    });
  });

  test('gives what the runtime has: its environment and its client', async () => {
    const { runtimeCtx } = new TestContext();
    expect(runtimeCtx.env.HOME).toBe('/home');
    expect(await runtimeCtx.client.uploadFile('a.txt')).toBe('id of a.txt');
  });

  test('log goes to the runtime, with an empty object where there are no data', () => {
    const context = new TestContext();
    context.log('began', { files: 3 }, 'a.txt');
    context.log('ended');
    expect(context.told.logs).toEqual([
      { event: 'began', data: { files: 3 }, file: 'a.txt' },
      { event: 'ended', data: {}, file: undefined },
    ]);
  });

  test('setProgress and setMetrics have the current step’s name as category, unless one is given', async () => {
    const context = new TestContext();
    const tell = (ctx: TestContext) => {
      ctx.setProgress(1, 4);
      ctx.setProgress(2, 4, 'files');
      ctx.setMetrics({ loss: 0.5 });
      ctx.setMetrics({ loss: 0.4 }, 'training');
      return new StepResult();
    };
    const registry = new StepRegistry<TestContext>().register(step('train', { execute: tell }));
    await new StepOrchestrator(registry, context).execute();
    tell(context);
    expect(context.told.progress).toEqual([
      [1, 4, 'train'],
      [2, 4, 'files'],
      [1, 4, undefined],
      [2, 4, 'files'],
    ]);
    expect(context.told.metrics).toEqual([
      [{ loss: 0.5 }, 'train'],
      [{ loss: 0.4 }, 'training'],
      [{ loss: 0.5 }, undefined],
      [{ loss: 0.4 }, 'training'],
    ]);
  });

  test('gets the result of every step, also of those skipped and of the one that failed', async () => {
    const context = new TestContext();
    const registry = new StepRegistry<TestContext>()
      .register(step('a', { execute: () => new StepResult({ data: { files: 3 } }) }))
      .register(step('b', { canSkip: () => true }))
      .register(step('c', { execute: () => new StepResult({ success: false, error: 'full' }) }))
      .register(step('d'));
    await rejection(new StepOrchestrator(registry, context).execute());
    expect(context.stepResults).toEqual([
      expect.objectContaining({ success: true, skipped: false, data: { files: 3 } }),
      expect.objectContaining({ success: true, skipped: true }),
      expect.objectContaining({ success: false, error: 'full' }),
    ]);
  });

  test('knows the current step while it is asked, executed and rolled back, and none after the run', async () => {
    const seen: unknown[] = [];
    const see = (context: TestContext) => seen.push(context.currentStep);
    const behaviour = {
      canSkip: (context: TestContext) => {
        see(context);
        return false;
      },
      execute: (context: TestContext) => {
        see(context);
        return new StepResult();
      },
      rollback: see,
    };
    const context = new TestContext();
    const registry = new StepRegistry<TestContext>()
      .register(step('a', behaviour))
      .register(step('b', behaviour));
    await new StepOrchestrator(registry, context).execute();
    expect(seen.splice(0)).toEqual(['a', 'a', 'b', 'b']);
    expect(context.currentStep).toBeNull();

    registry.register(step('c', { execute: () => Promise.reject(new Error('full')) }));
    await rejection(new StepOrchestrator(registry, context).execute());
    expect(seen).toEqual(['a', 'a', 'b', 'b', 'b', 'a']);
    expect(context.currentStep).toBeNull();
  });
});
