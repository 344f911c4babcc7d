import { describe, expect, test } from '@jest/globals';
import { Orchestrator, StepExecutionError, StepOrchestrator, StepRegistry, StepResult } from './index.js';
import type { BaseStep, ProgressCallback } from './index.js';
import { TestContext, rejection, step } from '../test-support/recording.js';

const registryOf = (...steps: BaseStep<TestContext>[]) => {
  const registry = new StepRegistry<TestContext>();
  for (const one of steps) registry.register(one);
  return registry;
};

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
