import type { BaseStepContext } from './context.js';
import { moveTo, note, noteError } from './context.js';
import { reasonOf } from './errors.js';
import type { StepRunOptions } from './options.js';
import type { StepResult } from './result.js';
import type { BaseStep } from './step.js';
import { Stop } from './stop.js';

/** A step that succeeded, and what it returned. */
export interface DoneStep<C extends BaseStepContext> {
  readonly step: BaseStep<C>;
  readonly name: string;
  readonly result: StepResult;
}

/** Undoes the steps, the last one first. What fails is noted, and the rest is still undone: one line per failure is returned. */
export async function rollBack<C extends BaseStepContext>(
  done: readonly DoneStep<C>[],
  context: C,
  { rollbackTimeoutMs, graceMs }: StepRunOptions & { readonly graceMs: number },
): Promise<string[]> {
  const failures: string[] = [];
  for (const { step, name, result } of done.toReversed()) {
    moveTo(context, name);
    const stop = new Stop({ code: 'STEP_TIMEOUT', timeoutMs: rollbackTimeoutMs });
    try {
      await stop.run(async (signal) => step.rollback(context, result, signal), graceMs);
    } catch (thrown) {
      const failure = `Rollback failed for '${name}': ${reasonOf(thrown)}`;
      failures.push(failure);
      noteError(context, failure);
      note(context, 'rollback_failed', { step: name, error: failure });
    } finally {
      stop.clear();
    }
  }
  return failures;
}
