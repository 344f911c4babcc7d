import type { BaseStepContext } from './context.js';
import { note } from './context.js';
import type { StepExecutionFacts } from './errors.js';
import { StepExecutionError, ValidationError, reasonOf } from './errors.js';
import type { StepRunOptions } from './options.js';
import { checkOptions } from './options.js';
import { percentsAfter } from './progress.js';
import { checkStep, type StepRegistry } from './registry.js';
import { StepResult, isStepResult, kindOf } from './result.js';
import type { DoneStep } from './rollback.js';
import { rollBack } from './rollback.js';
import type { BaseStep } from './step.js';
import { GivenUp, Stop, codeOf } from './stop.js';

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

/** What a step came to; `end` only if that ends the run. */
interface Outcome {
  readonly result: StepResult;
  readonly end?: End;
}

interface End {
  readonly message: string;
  readonly facts: StepExecutionFacts;
}

/** Runs the steps of a registry one after the other, and rolls them back when one fails. */
export class StepOrchestrator<C extends BaseStepContext = BaseStepContext> {
  readonly #registry: StepRegistry<C>;
  readonly #context: C;
  readonly #progressCallback: ProgressCallback | undefined;
  readonly #options: StepRunOptions & { readonly graceMs: number };

  /** @throws ValidationError `TIMEOUT_OUT_OF_BOUNDS`. */
  constructor(
    registry: StepRegistry<C>,
    context: C,
    progressCallback?: ProgressCallback,
    options: StepRunOptions = {},
  ) {
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
      this.#context.currentStep = null;
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
  async #advance(step: BaseStep<C>, run: Stop, done: DoneStep<C>[]): Promise<End | undefined> {
    const { name } = step;
    this.#context.currentStep = name;
    const { result, end } = await this.#outcomeOf(step, name, run.signal);
    this.#context.stepResults.push(result);
    if (!end && !result.skipped) done.push({ step, name, result });
    return end;
  }

  async #outcomeOf(step: BaseStep<C>, name: string, outer: AbortSignal): Promise<Outcome> {
    const { stepTimeoutMs, graceMs } = this.#options;
    const stop = new Stop({ code: 'STEP_TIMEOUT', timeoutMs: stepTimeoutMs, outer });
    const failed = (
      error: string,
      cause: unknown,
      result = new StepResult({ success: false, error }),
    ): Outcome => {
      const code = stop.signal.aborted ? codeOf(stop.signal.reason) : 'STEP_FAILED';
      const retryable = mayBeRetried(cause);
      return {
        result,
        end: { message: messageOf(name, error), facts: { code, step: name, cause, retryable } },
      };
    };
    try {
      const returned: unknown = await stop.run((signal) => perform(step, this.#context, signal), graceMs);
      if (!isStepResult(returned)) return noResult(name, returned);
      if (returned.success) return { result: returned };
      return failed(returned.error ?? 'it gave no reason', returned, returned);
    } catch (thrown) {
      return failed(reasonOf(thrown), thrown);
    } finally {
      stop.clear();
    }
  }

  #report(percent: number): void {
    const failed = (thrown: unknown) => {
      const failure = `Progress callback failed: ${reasonOf(thrown)}`;
      this.#context.errors.push(failure);
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

async function perform<C extends BaseStepContext>(
  step: BaseStep<C>,
  context: C,
  signal: AbortSignal,
): Promise<unknown> {
  const skip: unknown = await step.canSkip(context, signal);
  if (typeof skip !== 'boolean') throw new TypeError(`canSkip returned ${kindOf(skip)}, not a boolean`);
  if (skip) return new StepResult({ skipped: true });
  // It may have been given up while canSkip took its time.
  signal.throwIfAborted();
  return step.execute(context, signal);
}

const messageOf = (step: string, reason: string) => `Step '${step}' failed: ${reason}`;

function noResult(step: string, returned: unknown): Outcome {
  const error = `execute returned ${kindOf(returned)}, not a StepResult`;
  const result = new StepResult({ success: false, error });
  const facts: StepExecutionFacts = { code: 'INVALID_RESULT', step, retryable: false, cause: result };
  return { result, end: { message: messageOf(step, error), facts } };
}

function stoppedBefore(step: string, reason: unknown): End {
  return {
    message: `Stopped before step '${step}': ${reasonOf(reason)}`,
    facts: { code: codeOf(reason), step, retryable: true, cause: reason },
  };
}

function mayBeRetried(cause: unknown): boolean {
  if (cause instanceof GivenUp) return false;
  return !(typeof cause === 'object' && cause !== null && 'retryable' in cause && cause.retryable === false);
}
