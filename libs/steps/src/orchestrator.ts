import type { BaseStepContext } from './context.js';
import { checkContext, moveTo, note, noteError } from './context.js';
import { StepExecutionError, ValidationError, reasonOf } from './errors.js';
import type { StepRunOptions } from './options.js';
import { checkOptions } from './options.js';
import { percentsAfter } from './progress.js';
import { checkStep, type StepRegistry } from './registry.js';
import type { DoneStep } from './rollback.js';
import { rollBack } from './rollback.js';
import type { StepEnd } from './run-step.js';
import { runStep } from './run-step.js';
import type { BaseStep } from './step.js';
import { Stop, codeOf } from './stop.js';

/**
 * Told after each step that succeeded or was skipped. `current` is in whole percents, rounded down, and `total` is 100. An
 * exception, or the rejection of an async callback, which is not waited for, does not touch the run: it is logged as
 * `progress_callback_failed`, and `errors` gets `Progress callback failed: reason`.
 */
export type ProgressCallback = (current: number, total: number) => unknown;

export interface StepRunSummary {
  readonly success: true;
  /** Steps that did something: not those that were skipped. */
  readonly stepsExecuted: number;
  readonly stepsTotal: number;
}

/** Runs the steps of a registry one after the other, and rolls them back when one fails. */
export class StepOrchestrator<C extends BaseStepContext = BaseStepContext> {
  readonly #registry: StepRegistry<C>;
  readonly #context: C;
  readonly #progressCallback: ProgressCallback | undefined;
  readonly #options: StepRunOptions & { readonly graceMs: number };

  /** @throws ValidationError `NOT_A_CONTEXT`, `UNKNOWN_OPTION`, `NOT_A_SIGNAL`, `TIMEOUT_OUT_OF_BOUNDS`. */
  constructor(
    registry: StepRegistry<C>,
    context: C,
    progressCallback?: ProgressCallback,
    options: StepRunOptions = {},
  ) {
    checkContext(context);
    checkOptions(options);
    this.#registry = registry;
    this.#context = context;
    this.#progressCallback = progressCallback;
    this.#options = { ...options, graceMs: options.graceMs ?? 5_000 };
  }

  /**
   * Runs the steps that are registered now. Resolves when all have succeeded or were skipped.
   *
   * When one fails, those executed before are rolled back, the last one first; not the failed one, nor the skipped. A
   * rollback that fails is logged and noted in the context's `errors`, and does not keep the others from running. Then it
   * rejects. The promise settles only when nothing of the run is going on any more, but for what was given up.
   * @throws StepExecutionError when a step failed or the run was stopped.
   * @throws ValidationError `NO_STEPS`; `CONTEXT_IN_USE` when another run with this context is going on.
   */
  async execute(): Promise<StepRunSummary> {
    const steps = this.#stepsToRun();
    const percents = percentsAfter(steps.map(({ progressWeight }) => progressWeight));
    const done: DoneStep<C>[] = [];
    const { timeoutMs, signal } = this.#options;
    const run = new Stop({ code: 'TIMEOUT', timeoutMs, outer: signal });
    try {
      for (const [index, step] of steps.entries()) {
        const { name } = step;
        const end = run.signal.aborted
          ? stoppedBefore(name, run.signal.reason)
          : await this.#advance(step, run, done);
        if (end) {
          const rollbackFailures = await rollBack(done, this.#context, this.#options);
          throw new StepExecutionError(end.message, end.facts, rollbackFailures);
        }
        this.#report(percents[index] ?? 100);
      }
      return { success: true, stepsExecuted: done.length, stepsTotal: steps.length };
    } finally {
      run.clear();
      moveTo(this.#context, null);
    }
  }

  #stepsToRun(): BaseStep<C>[] {
    const steps = this.#registry.getSteps();
    if (steps.length === 0) throw new ValidationError('NO_STEPS', 'There is no step to run: register one.');
    for (const step of steps) checkStep(step);
    const { currentStep } = this.#context;
    if (currentStep !== null) {
      throw new ValidationError(
        'CONTEXT_IN_USE',
        `Another run with this context is at step '${currentStep}': give each run a context of its own.`,
      );
    }
    return steps;
  }

  /** Runs one step. What is returned ends the run. */
  async #advance(step: BaseStep<C>, run: Stop, done: DoneStep<C>[]): Promise<StepEnd | undefined> {
    const { name } = step;
    try {
      this.#context.currentStep = name;
      const { result, end } = await runStep(step, this.#context, run.signal, this.#options);
      if (!end && !result.skipped) done.push({ step, name, result });
      this.#context.stepResults.push(result);
      return end;
    } catch (thrown) {
      return spoilt(name, thrown);
    }
  }

  #report(percent: number): void {
    const failed = (thrown: unknown) => {
      const failure = `Progress callback failed: ${reasonOf(thrown)}`;
      noteError(this.#context, failure);
      note(this.#context, 'progress_callback_failed', { error: failure });
    };
    try {
      const returned: unknown = this.#progressCallback?.(percent, 100);
      Promise.resolve(returned).catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/** A step froze the context, or put something else in the place of its lists. */
function spoilt(step: string, thrown: unknown): StepEnd {
  return {
    message: `Step '${step}' failed: the context cannot be used any more: ${reasonOf(thrown)}`,
    facts: { code: 'STEP_FAILED', step, retryable: false, cause: thrown },
  };
}

function stoppedBefore(step: string, reason: unknown): StepEnd {
  return {
    message: `Stopped before step '${step}': ${reasonOf(reason)}`,
    facts: { code: codeOf(reason), step, retryable: true, cause: reason },
  };
}
