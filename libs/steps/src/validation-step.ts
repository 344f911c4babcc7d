import type { BaseStepContext } from './context.js';
import { ValidationError } from './errors.js';
import { StepResult, kindOf } from './result.js';
import { BaseStep } from './step.js';

/** Whether the context is as it should be, and if not, why. */
export type Verdict = readonly [valid: boolean, message?: string | null];

export interface ValidationStepOptions<C extends BaseStepContext> {
  /** What it throws fails the step too. */
  readonly validator: (context: C, signal: AbortSignal) => Promise<Verdict> | Verdict;
  readonly name: string;
  readonly progressWeight: number;
}

/** Fails with the validator's message when the validator says false. It changes nothing, so it has no rollback. */
export class ValidationStep<C extends BaseStepContext = BaseStepContext> extends BaseStep<C> {
  readonly name: string;
  readonly progressWeight: number;
  readonly #validator: ValidationStepOptions<C>['validator'];

  /** @throws ValidationError `NOT_A_FUNCTION`. */
  constructor({ validator, name, progressWeight }: ValidationStepOptions<C>) {
    super();
    if (typeof validator !== 'function') {
      throw new ValidationError(
        'NOT_A_FUNCTION',
        `The validator of step '${name}' must be a function, not ${kindOf(validator)}.`,
      );
    }
    this.name = name;
    this.progressWeight = progressWeight;
    this.#validator = validator;
  }

  async execute(context: C, signal: AbortSignal): Promise<StepResult> {
    const verdict: unknown = await this.#validator(context, signal);
    const [valid, message] = (Array.isArray(verdict) ? verdict : []) as readonly unknown[];
    if (typeof valid !== 'boolean') {
      throw new TypeError(`the validator returned ${kindOf(verdict)}, not [valid, message]`);
    }
    if (valid) return new StepResult();
    return new StepResult({
      success: false,
      error: typeof message === 'string' ? message : 'it is not valid',
    });
  }
}
