/** Base of this library's errors: callers tell them apart by `code`; `retryable` answers whether the same call may succeed later. */
export abstract class StepsError<Code extends string = string> extends Error {
  abstract readonly retryable: boolean;
  constructor(
    readonly code: Code,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** What the programmer did wrong. The message says how to mend it. */
export type ValidationCode =
  | 'BAD_NAME'
  | 'CONTEXT_IN_USE'
  | 'DUPLICATE_NAME'
  | 'NO_STEPS'
  | 'NOT_A_CONTEXT'
  | 'NOT_A_FUNCTION'
  | 'NOT_A_SIGNAL'
  | 'NOT_A_STEP'
  | 'TIMEOUT_OUT_OF_BOUNDS'
  | 'UNKNOWN_OPTION'
  | 'UNKNOWN_STEP'
  | 'WEIGHT_OUT_OF_BOUNDS';

/** The caller's mistake, such as a second step of the same name. Nothing was changed, and no step has run. */
export class ValidationError extends StepsError<ValidationCode> {
  readonly retryable = false;
}

/**
 * Why a run ended early: the step failed (`STEP_FAILED`) or returned something that is no `StepResult`
 * (`INVALID_RESULT`); it took longer than `stepTimeoutMs` (`STEP_TIMEOUT`); the run took longer than `timeoutMs`
 * (`TIMEOUT`); or its signal was aborted (`ABORTED`).
 */
export type StepExecutionCode = 'ABORTED' | 'INVALID_RESULT' | 'STEP_FAILED' | 'STEP_TIMEOUT' | 'TIMEOUT';

export interface StepExecutionFacts {
  readonly code: StepExecutionCode;
  readonly step: string;
  readonly retryable: boolean;
  readonly cause: unknown;
}

/**
 * A run ended early, and everything that it had done was rolled back, but for `rollbackFailures`. `cause` is what the step
 * threw, else the failed `StepResult`, else the reason of the signal.
 */
export class StepExecutionError extends StepsError<StepExecutionCode> {
  /** The step that failed, or before which the run was stopped. */
  readonly step: string;
  /**
   * Whether the same run may succeed later: not after `INVALID_RESULT`, not if what was thrown says `retryable: false`, and
   * not if something may be left: a rollback failed, or a step was given up and may still be running.
   */
  readonly retryable: boolean;

  constructor(
    message: string,
    { code, step, retryable, cause }: StepExecutionFacts,
    /** One line for each rollback that failed, as in the context's `errors`; empty if all is undone. */
    readonly rollbackFailures: readonly string[],
  ) {
    super(code, message, { cause });
    this.step = step;
    this.retryable = retryable && rollbackFailures.length === 0;
  }
}

/** What a thrown value says, whatever was thrown. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}
