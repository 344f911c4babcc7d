import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Orchestrator, StepRegistry, StepResult } from './index.js';
import { TestContext, rejection, step } from '../test-support/recording.js';

/** Runs the steps of these names, as each is to end, and returns the context and what the run rejected with. */
type Ending = 'done' | 'skipped' | 'undo fails';
async function runToFailure(endings: readonly Ending[]) {
  const context = new TestContext();
  const registry = new StepRegistry<TestContext>();
  for (const [index, ending] of endings.entries()) {
    const refuse = () => Promise.reject(new Error(`${index} is stuck`));
    registry.register(
      step(`s${index}`, {
        canSkip: () => ending === 'skipped',
        ...(ending === 'undo fails' ? { rollback: refuse } : {}),
      }),
    );
  }
  registry.register(step('last', { execute: () => Promise.reject(new Error('full')) }));
  const error = await rejection(new Orchestrator(registry, context).execute());
  return { context, error };
}

describe('a rollback', () => {
  test('undoes what was executed in reverse order, each once, whatever was skipped and whichever undo fails', async () => {
    const endings = fc.array(fc.constantFrom<Ending>('done', 'skipped', 'undo fails'), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(endings, async (all) => {
        const { context, error } = await runToFailure(all);
        const done = all.flatMap((ending, index) => (ending === 'skipped' ? [] : [`s${index}`]));
        const undone = done.toReversed().map((name) => `undo ${name}`);
        expect(context.did).toEqual([...done, 'last', ...undone]);
        const stuck = all.flatMap((ending, index) => (ending === 'undo fails' ? [index] : [])).toReversed();
        const failures = stuck.map((index) => `Rollback failed for 's${index}': ${index} is stuck`);
        expect(context.errors).toEqual(failures);
        expect(error).toMatchObject({
          message: "Step 'last' failed: full",
          rollbackFailures: failures,
          retryable: failures.length === 0,
        });
      }),
    );
  });

  test('that fails is logged', async () => {
    const { context } = await runToFailure(['undo fails']);
    expect(context.told.logs).toEqual([
      {
        event: 'rollback_failed',
        data: { step: 's0', error: "Rollback failed for 's0': 0 is stuck" },
        file: undefined,
      },
    ]);
  });

  test('goes on when a logger fails', async () => {
    const context = new TestContext();
    context.told.log = () => {
      throw new Error('disk full');
    };
    const registry = new StepRegistry<TestContext>()
      .register(step('a'))
      .register(
        step('b', {
          rollback: () => {
            throw new Error('stuck');
          },
        }),
      )
      .register(step('c', { execute: () => Promise.reject(new Error('full')) }));
    await rejection(new Orchestrator(registry, context).execute());
    expect(context.did).toEqual(['a', 'b', 'c', 'undo b', 'undo a']);
    expect(context.errors).toEqual([
      "Rollback failed for 'b': stuck",
      "Logging 'rollback_failed' failed: disk full",
    ]);
  });

  test('is given the result of its step', async () => {
    const given: unknown[] = [];
    const result = new StepResult({ rollbackData: { ids: [1, 2] } });
    const registry = new StepRegistry<TestContext>()
      .register(step('a', { execute: () => result, rollback: (_context, of) => given.push(of) }))
      .register(step('b', { execute: () => Promise.reject(new Error('full')) }));
    await rejection(new Orchestrator(registry, new TestContext()).execute());
    expect(given).toEqual([result]);
    expect(given[0]).toBe(result);
  });

  test('undoes only what this run did', async () => {
    const context = new TestContext();
    const registry = new StepRegistry<TestContext>().register(step('a'));
    await new Orchestrator(registry, context).execute();
    registry.unregister('a').register(step('b', { execute: () => Promise.reject(new Error('full')) }));
    await rejection(new Orchestrator(registry, context).execute());
    expect(context.did).toEqual(['a', 'b']);
  });
});
