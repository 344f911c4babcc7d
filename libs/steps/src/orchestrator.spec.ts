import { describe, expect, test } from '@jest/globals';
import { Orchestrator, StepOrchestrator, StepResult } from './index.js';
import type { BaseStep, ProgressCallback } from './index.js';
import { TestContext, rejection, registryOf, step } from '../test-support/recording.js';

async function run(steps: BaseStep<TestContext>[], callback?: ProgressCallback) {
  const context = new TestContext();
  const summary = await new StepOrchestrator(registryOf(...steps), context, callback).execute();
  return { context, summary };
}

const skipped = (name: string) => step(name, { canSkip: () => true });

describe('a run in which all goes well', () => {
  test('executes the steps in the order of the registry, one after the other', async () => {
    const slow = step('slow', {
      execute: async (context) => {
        await new Promise(setImmediate);
        context.did.push('slow ended');
        return new StepResult();
      },
    });
    const { context } = await run([slow, step('b'), step('c')]);
    expect(context.did).toEqual(['slow', 'slow ended', 'b', 'c']);
  });

  test('tells how many steps did something, and how many there are', async () => {
    const bySelf = step('self', { execute: () => new StepResult({ skipped: true }) });
    const { summary, context } = await run([step('a'), skipped('b'), step('c'), bySelf]);
    expect(summary).toEqual({ success: true, stepsExecuted: 2, stepsTotal: 4 });
    expect(context.did).toEqual(['a', 'c', 'self']);
  });

  test('tells the progress after each step, skipped ones count as done', async () => {
    const calls: unknown[] = [];
    const b = step('b', { weight: 1, canSkip: () => true });
    await run([step('a', { weight: 2 }), b, step('c', { weight: 1 })], (...args) => calls.push(args));
    expect(calls).toEqual([
      [50, 100],
      [75, 100],
      [100, 100],
    ]);
  });

  test('can be made again by the same orchestrator', async () => {
    const context = new TestContext();
    const orchestrator = new Orchestrator(registryOf(step('a'), step('b')), context);
    await orchestrator.execute();
    expect(await orchestrator.execute()).toEqual({ success: true, stepsExecuted: 2, stepsTotal: 2 });
    expect(context.stepResults).toHaveLength(4);
  });

  test('has the steps that were registered when it began', async () => {
    const registry = registryOf();
    registry.register(
      step('a', {
        execute: () => {
          registry.register(step('b'));
          return new StepResult();
        },
      }),
    );
    const context = new TestContext();
    expect(await new Orchestrator(registry, context).execute()).toMatchObject({ stepsTotal: 1 });
    expect(context.did).toEqual(['a']);
  });
});

test('Orchestrator is another name of StepOrchestrator', () => {
  expect(Orchestrator).toBe(StepOrchestrator);
});

describe('a progress callback that fails', () => {
  const context = () => new TestContext();
  const expectNoted = ({ errors, told }: TestContext, times: number) => {
    expect(errors).toEqual(Array(times).fill('Progress callback failed: closed'));
    expect(told.logs.map(({ event }) => event)).toEqual(Array(times).fill('progress_callback_failed'));
  };

  test('does not touch the run: it is noted, and called again', async () => {
    const ctx = context();
    let calls = 0;
    const summary = await new Orchestrator(registryOf(step('a'), step('b')), ctx, () => {
      calls += 1;
      throw new Error('closed');
    }).execute();
    expect(summary).toMatchObject({ success: true, stepsExecuted: 2 });
    expect(calls).toBe(2);
    expectNoted(ctx, 2);
  });

  test('later, because it is async, is noted too', async () => {
    const ctx = context();
    await new Orchestrator(registryOf(step('a')), ctx, async () => {
      await new Promise(setImmediate);
      throw new Error('closed');
    }).execute();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expectNoted(ctx, 1);
  });

  test('and a logger that fails too do not touch the run', async () => {
    const ctx = context();
    ctx.told.log = () => {
      throw new Error('disk full');
    };
    await new Orchestrator(registryOf(step('a')), ctx, () => {
      throw new Error('closed');
    }).execute();
    expect(ctx.errors).toEqual([
      'Progress callback failed: closed',
      "Logging 'progress_callback_failed' failed: disk full",
    ]);
  });
});

describe('what cannot be run is refused', () => {
  test('no steps', async () => {
    expect(await rejection(run([]))).toMatchObject({ name: 'ValidationError', code: 'NO_STEPS' });
  });

  test('a weight that went bad after its registration', async () => {
    const changing = step('a');
    const registry = registryOf(changing);
    Object.assign(changing, { progressWeight: NaN });
    const error = await rejection(new Orchestrator(registry, new TestContext()).execute());
    expect(error).toMatchObject({ code: 'WEIGHT_OUT_OF_BOUNDS' });
  });

  test('a second run with the context of one that is going on, which goes on', async () => {
    const context = new TestContext();
    const orchestrator = new Orchestrator(registryOf(step('a')), context);
    const first = orchestrator.execute();
    expect(await rejection(orchestrator.execute())).toMatchObject({
      name: 'ValidationError',
      code: 'CONTEXT_IN_USE',
    });
    expect(await first).toMatchObject({ success: true });
  });

  test.each([
    ['timeoutMs', 0],
    ['stepTimeoutMs', -1],
    ['rollbackTimeoutMs', 1.5],
    ['graceMs', 2 ** 31],
    ['graceMs', NaN],
  ])('%s of %p', (name, value) => {
    expect(() => new Orchestrator(registryOf(), new TestContext(), undefined, { [name]: value })).toThrow(
      expect.objectContaining({
        code: 'TIMEOUT_OUT_OF_BOUNDS',
        message: expect.stringContaining(name),
        retryable: false,
      }),
    );
  });
});
