import { describe, expect, test } from '@jest/globals';
import { BaseStep, StepOrchestrator, StepRegistry, StepResult } from './index.js';
import { TestContext, rejection, step } from '../test-support/recording.js';

/** As little as a step can be: no canSkip, no rollback. */
class Plain extends BaseStep<TestContext> {
  readonly name = 'plain';
  readonly progressWeight = 0.5;
  execute(context: TestContext): StepResult {
    context.did.push('plain');
    return new StepResult({ data: { answer: 42 } });
  }
}

/** Name and weight by accessors, and rollback data of a type of its own. */
class Upload extends BaseStep<TestContext, { ids: string[] }> {
  get name(): string {
    return 'upload';
  }
  get progressWeight(): number {
    return 2;
  }
  async execute(): Promise<StepResult<{ ids: string[] }>> {
    return new StepResult({ rollbackData: { ids: ['a', 'b'] } });
  }
  override rollback(context: TestContext, { rollbackData }: StepResult<{ ids: string[] }>): void {
    for (const id of rollbackData.ids ?? []) context.did.push(`deleted ${id.toUpperCase()}`);
  }
}

describe('a step', () => {
  test('has a name, a weight and an execute, which need not be async', async () => {
    const context = new TestContext();
    await new StepOrchestrator(new StepRegistry<TestContext>().register(new Plain()), context).execute();
    expect(context.did).toEqual(['plain']);
    expect(context.stepResults[0]?.data).toEqual({ answer: 42 });
  });

  test('is not skipped and rolls nothing back unless it says so', async () => {
    const plain = new Plain();
    const { signal } = new AbortController();
    expect(await plain.canSkip(new TestContext(), signal)).toBe(false);
    expect(await plain.rollback(new TestContext(), new StepResult(), signal)).toBeUndefined();
  });

  test('gets at rollback what its execute returned, with the type of its rollback data', async () => {
    const context = new TestContext();
    const registry = new StepRegistry<TestContext>()
      .register(new Upload())
      .register(step('late', { execute: () => new StepResult({ success: false, error: 'full' }) }));
    await rejection(new StepOrchestrator(registry, context).execute());
    expect(context.did).toEqual(['late', 'deleted A', 'deleted B']);
  });
});
