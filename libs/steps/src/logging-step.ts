import type { BaseStepContext } from './context.js';
import { note } from './context.js';
import { type StepResult, isStepResult } from './result.js';
import { StepWrapper, secondsSince } from './wrapper.js';

/**
 * Logs when the wrapped step begins, `step_start { step }`, and when it has ended, `step_end { step, elapsed, success,
 * skipped }`, also if it throws. `step` is the wrapped step's name, `elapsed` are seconds. Its own name is `logged_` and
 * that of the wrapped step. A step that is skipped by `canSkip` logs nothing.
 */
export class LoggingStep<
  C extends BaseStepContext,
  R extends object = Record<string, unknown>,
> extends StepWrapper<C, R> {
  protected readonly prefix = 'logged_';

  async execute(context: C, signal: AbortSignal): Promise<StepResult<R>> {
    const { name } = this.step;
    const begin = performance.now();
    const ended = (success: boolean, skipped: boolean) =>
      note(context, 'step_end', { step: name, elapsed: secondsSince(begin), success, skipped });
    note(context, 'step_start', { step: name });
    let result: StepResult<R>;
    try {
      result = await this.step.execute(context, signal);
    } catch (thrown) {
      ended(false, false);
      throw thrown;
    }
    if (isStepResult(result)) ended(result.success, result.skipped);
    else ended(false, false);
    return result;
  }
}
