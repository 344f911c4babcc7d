/** A thing wrong with a definition or a request: a stable code, where it is, and how to mend it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** What to do about it, for people. */
  readonly mend: string;
  /** The step concerned, where there is one. */
  readonly step?: string;
  /** Path inside the input, where there is one. */
  readonly path?: string;
}

/** What a thrown value says, whatever was thrown. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}

/** Base of the errors that callers may tell apart by `code`; `retryable` answers whether the same call may succeed later. */
export abstract class CounterstepError extends Error {
  abstract readonly retryable: boolean;
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The caller's mistake: a bad definition, an unknown workflow, an input that fails its schema, an unknown saga. */
export class ValidationError extends CounterstepError {
  readonly retryable = false;
  constructor(
    code: string,
    message: string,
    readonly problems: readonly Problem[] = [],
  ) {
    super(code, message);
  }
}

/** The saga's state does not allow it, or the orchestrator cannot take it now. */
export class WorkflowExecutionError extends CounterstepError {
  constructor(
    code: string,
    message: string,
    readonly facts: Readonly<Record<string, unknown>> = {},
    readonly retryable = false,
  ) {
    super(code, message);
  }
}

/** The store is down, or the saga moved on before the write. */
export class StateStoreError extends CounterstepError {
  readonly retryable = true;
}
