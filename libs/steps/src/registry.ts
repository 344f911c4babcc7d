import type { BaseStepContext } from './context.js';
import { ValidationError } from './errors.js';
import { kindOf } from './result.js';
import type { BaseStep } from './step.js';

/** The steps of an operation, in their order. What is refused with a `ValidationError` changes nothing. */
export class StepRegistry<C extends BaseStepContext = BaseStepContext> {
  readonly #steps: BaseStep<C>[] = [];

  get length(): number {
    return this.#steps.length;
  }

  /** The sum of the steps' weights. */
  get totalWeight(): number {
    return this.#steps.reduce((sum, { progressWeight }) => sum + progressWeight, 0);
  }

  /** The steps in their order, as a copy: changing it does not change the registry. */
  getSteps(): BaseStep<C>[] {
    return [...this.#steps];
  }

  /**
   * Adds a step at the end.
   * @throws ValidationError `DUPLICATE_NAME`, `BAD_NAME`, `WEIGHT_OUT_OF_BOUNDS`, `NOT_A_STEP`.
   */
  register(step: BaseStep<C>): this {
    return this.#insert(this.#steps.length, step);
  }

  /** @throws ValidationError `UNKNOWN_STEP`. */
  unregister(name: string): this {
    this.#steps.splice(this.#indexOf(name), 1);
    return this;
  }

  /**
   * Adds a step right before the one named.
   * @throws ValidationError `UNKNOWN_STEP`, and those of `register`.
   */
  insertBefore(name: string, step: BaseStep<C>): this {
    return this.#insert(this.#indexOf(name), step);
  }

  /**
   * Adds a step right after the one named.
   * @throws ValidationError `UNKNOWN_STEP`, and those of `register`.
   */
  insertAfter(name: string, step: BaseStep<C>): this {
    return this.#insert(this.#indexOf(name) + 1, step);
  }

  #insert(index: number, step: BaseStep<C>): this {
    checkStep(step);
    if (this.#steps.some(({ name }) => name === step.name)) {
      throw new ValidationError(
        'DUPLICATE_NAME',
        `There is a step '${step.name}' already: give each step a name of its own.`,
      );
    }
    this.#steps.splice(index, 0, step);
    return this;
  }

  #indexOf(name: string): number {
    const index = this.#steps.findIndex((step) => step.name === name);
    if (index >= 0) return index;
    const known = this.#steps.map((step) => step.name).join(', ') || 'none';
    throw new ValidationError('UNKNOWN_STEP', `There is no step '${name}'. The steps are: ${known}.`);
  }
}

/** Refuses what cannot be run. Callers without types may pass anything. */
export function checkStep(step: unknown): void {
  const { name, progressWeight, execute, canSkip, rollback } = (step ?? {}) as Partial<
    Record<keyof BaseStep, unknown>
  >;
  if (![execute, canSkip, rollback].every((method) => typeof method === 'function')) {
    throw new ValidationError(
      'NOT_A_STEP',
      `${kindOf(step)} is no step: extend BaseStep, and pass an instance.`,
    );
  }
  if (typeof name !== 'string' || name === '') {
    throw new ValidationError(
      'BAD_NAME',
      `A step's name must be a text that is not empty, not ${name === '' ? "''" : kindOf(name)}.`,
    );
  }
  if (typeof progressWeight !== 'number' || !Number.isFinite(progressWeight) || progressWeight < 0) {
    throw new ValidationError(
      'WEIGHT_OUT_OF_BOUNDS',
      `The progressWeight of step '${name}' must be a finite number from 0 on, not ${String(progressWeight)}.`,
    );
  }
}
