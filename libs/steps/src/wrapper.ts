import type { BaseStepContext } from './context.js';
import { checkStep } from './registry.js';
import { BaseStep } from './step.js';
import type { StepResult } from './result.js';

/** A step around another one, which it executes in its own way, skips and rolls back as that one does. */
export abstract class StepWrapper<
  C extends BaseStepContext,
  R extends object = Record<string, unknown>,
> extends BaseStep<C, R> {
  protected readonly step: BaseStep<C, R>;
  /** Goes before the wrapped step's name. */
  protected abstract readonly prefix: string;

  /** @throws ValidationError as `StepRegistry.register` does for the wrapped step. */
  constructor(step: BaseStep<C, R>) {
    super();
    checkStep(step);
    this.step = step;
  }

  get name(): string {
    return this.prefix + this.step.name;
  }

  get progressWeight(): number {
    return this.step.progressWeight;
  }

  override canSkip(context: C, signal: AbortSignal): Promise<boolean> | boolean {
    return this.step.canSkip(context, signal);
  }

  override rollback(context: C, result: StepResult<R>, signal: AbortSignal): Promise<void> | void {
    return this.step.rollback(context, result, signal);
  }
}

/** Seconds since a moment that `performance.now()` told, in whole microseconds: what is finer is noise in a log. */
export const secondsSince = (begin: number): number =>
  Math.round((performance.now() - begin) * 1_000) / 1_000_000;
