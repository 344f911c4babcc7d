import type { BaseStepContext } from './context.js';
import { StepResult, isStepResult } from './result.js';
import { StepWrapper, secondsSince } from './wrapper.js';

/**
 * Adds `durationSeconds` to the data of the wrapped step's result, whether it succeeded or not. Its own name is `timed_` and
 * that of the wrapped step.
 */
export class TimingStep<
  C extends BaseStepContext,
  R extends object = Record<string, unknown>,
> extends StepWrapper<C, R> {
  protected readonly prefix = 'timed_';

  async execute(context: C, signal: AbortSignal): Promise<StepResult<R>> {
    const begin = performance.now();
    const result = await this.step.execute(context, signal);
    // The orchestrator says what is wrong with it.
    if (!isStepResult(result)) return result;
    const { success, error, rollbackData, skipped, timestamp } = result;
    const data = { ...result.data, durationSeconds: secondsSince(begin) };
    return new StepResult<R>({ success, data, error, rollbackData, skipped, timestamp });
  }
}
