import type { BaseStepContext } from './context.js';
import type { StepResult } from './result.js';

/**
 * One phase of an operation, with what undoes it. `C` is the context that the steps of a registry share, `R` the type of
 * this step's rollback data.
 *
 * Each method may be async. Its last argument is a signal, aborted when the time for it is over or nobody waits for the
 * run any more: pass it on to what the method calls.
 */
export abstract class BaseStep<
  C extends BaseStepContext = BaseStepContext,
  R extends object = Record<string, unknown>,
> {
  /** Unique within a registry. */
  abstract readonly name: string;

  /** The share of this step in the whole, in any unit: 0 or more; the weights of a run are set in proportion. */
  abstract readonly progressWeight: number;

  /**
   * Does the work. A failure that is expected is a result with `success: false` and `error`; whatever it throws is a failure
   * too. A step that fails is not rolled back: it must leave nothing behind.
   */
  abstract execute(context: C, signal: AbortSignal): Promise<StepResult<R>> | StepResult<R>;

  /** Whether there is nothing to do now: the step is then neither executed nor rolled back. If it throws, the step fails. */
  canSkip(_context: C, _signal: AbortSignal): Promise<boolean> | boolean {
    return false;
  }

  /**
   * Undoes what `execute` did, after a later step failed. `result` is what `execute` returned. What it throws is noted in the
   * context's `errors`, and the other rollbacks run.
   */
  rollback(_context: C, _result: StepResult<R>, _signal: AbortSignal): Promise<void> | void {}
}
