import type { BaseStepContext } from './context.js';
import type { StepExecutionFacts } from './errors.js';
import { reasonOf } from './errors.js';
import type { StepRunOptions } from './options.js';
import { StepResult, isStepResult, kindOf } from './result.js';
import type { BaseStep } from './step.js';
import { GivenUp, Stop, codeOf } from './stop.js';

/** What a step came to; `end` only if that ends the run. */
export interface StepOutcome {
  readonly result: StepResult;
  readonly end?: StepEnd;
}

/** Why a run ends, as its error will say. */
export interface StepEnd {
  readonly message: string;
  readonly facts: StepExecutionFacts;
}

/**
 * Skips or executes one step as the orchestrator does, within `stepTimeoutMs` and until `outer` is aborted, and then for
 * `graceMs` (without: until it ends). Who runs steps one by one sets the context's `currentStep`, and keeps the result in
 * `stepResults`. Never rejects.
 */
export async function runStep<C extends BaseStepContext>(
  step: BaseStep<C>,
  context: C,
  outer: AbortSignal,
  { stepTimeoutMs, graceMs }: Pick<StepRunOptions, 'stepTimeoutMs' | 'graceMs'> = {},
): Promise<StepOutcome> {
  const { name } = step;
  const stop = new Stop({ code: 'STEP_TIMEOUT', timeoutMs: stepTimeoutMs, outer });
  const codeNow = () => (stop.signal.aborted ? codeOf(stop.signal.reason) : 'STEP_FAILED');
  try {
    const returned: unknown = await stop.run((signal) => perform(step, context, signal), graceMs);
    if (!isStepResult(returned)) return noResult(name, returned);
    if (returned.success) return { result: returned };
    const reason = returned.error ?? 'it gave no reason';
    return failed(returned, reason, { code: codeNow(), step: name, retryable: true, cause: returned });
  } catch (thrown) {
    const error = reasonOf(thrown);
    const result = new StepResult({ success: false, error });
    return failed(result, error, {
      code: codeNow(),
      step: name,
      retryable: mayBeRetried(thrown),
      cause: thrown,
    });
  } finally {
    stop.clear();
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

function failed(result: StepResult, reason: string, facts: StepExecutionFacts): StepOutcome {
  return { result, end: { message: `Step '${facts.step}' failed: ${reason}`, facts } };
}

function noResult(step: string, returned: unknown): StepOutcome {
  const error = `execute returned ${kindOf(returned)}, not a StepResult`;
  const result = new StepResult({ success: false, error });
  return failed(result, error, { code: 'INVALID_RESULT', step, retryable: false, cause: result });
}

function mayBeRetried(thrown: unknown): boolean {
  try {
    if (thrown instanceof GivenUp) return false;
    return !(
      typeof thrown === 'object' &&
      thrown !== null &&
      'retryable' in thrown &&
      thrown.retryable === false
    );
  } catch {
    // It cannot be looked at, and says nothing.
    return true;
  }
}
