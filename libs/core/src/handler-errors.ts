import type { ErrorFacts, NoticeReason } from '@counterstep/protocol';

/* What handlers throw, and are told by, in every runtime. */

/** `Symbol.for`, so that an error of another copy of this package is still known. */
const REJECTED = Symbol.for('counterstep.StepRejected');
const NON_RETRYABLE = Symbol.for('counterstep.NonRetryable');

/** Whatever was thrown: a proxy may throw when it is looked at. */
function isMarked(thrown: unknown, mark: symbol): boolean {
  try {
    return typeof thrown === 'object' && thrown !== null && mark in thrown;
  } catch {
    return false;
  }
}

interface Facts {
  readonly code: string;
  readonly message: string;
}

/**
 * The step cannot be done, and nothing happened: no retry, and its own compensation does not run. In barrier mode
 * `transaction` the barrier sees to it that nothing happened; in the other modes throwing this is the handler's promise.
 */
export class StepRejected extends Error {
  readonly code: string;
  readonly retryable = false;
  readonly [REJECTED] = true;

  constructor(facts: Facts, options?: ErrorOptions) {
    super(facts.message, options);
    this.name = 'StepRejected';
    this.code = facts.code;
  }

  static is(error: unknown): error is StepRejected {
    return isMarked(error, REJECTED);
  }
}

/** The step failed and its effect is uncertain, and trying again is no use: no retry, and its own compensation runs. */
export class NonRetryable extends Error {
  readonly code: string;
  readonly retryable = false;
  readonly [NON_RETRYABLE] = true;

  constructor(facts: Facts, options?: ErrorOptions) {
    super(facts.message, options);
    this.name = 'NonRetryable';
    this.code = facts.code;
  }

  static is(error: unknown): error is NonRetryable {
    return isMarked(error, NON_RETRYABLE);
  }
}

/**
 * Nobody waits for the effect any more: `CANCELLED`, its saga is being undone; `SUPERSEDED`, the saga went on without it.
 * The reason of the handler's `signal`.
 */
export class EffectCancelled extends Error {
  readonly code: 'CANCELLED' | 'SUPERSEDED';
  readonly retryable = false;
  constructor(reason: NoticeReason) {
    super(reason === 'cancelled' ? 'the saga is being undone' : 'the saga went on without this step');
    this.name = 'EffectCancelled';
    this.code = reason === 'cancelled' ? 'CANCELLED' : 'SUPERSEDED';
  }
}

/** The reason of a handler's `signal` when its attempt has had its time. */
export function deadlinePassed(): DOMException {
  return new DOMException('the attempt’s deadline has passed', 'TimeoutError');
}

/** What a handler gave to `heartbeat` cannot be stored as JSON. */
export class UndoDataInvalid extends Error {
  readonly code = 'UNDO_DATA_INVALID';
  readonly retryable = true;
  constructor(problem: string) {
    super(`the undo data of a heartbeat: ${problem}`);
    this.name = 'UndoDataInvalid';
  }
}

/** The broker will never take the heartbeat: its undo data are too large. */
export class HeartbeatTooLarge extends NonRetryable {
  constructor(reason: string) {
    super({ code: 'HEARTBEAT_TOO_LARGE', message: `the broker refused the heartbeat: ${reason}` });
    this.name = 'HeartbeatTooLarge';
  }
}

/** What may travel and be stored of anything that was thrown: a code of at most 100 characters, and clean text. */
export function factsOf(thrown: unknown, fallbackCode = 'HANDLER_FAILED'): ErrorFacts {
  try {
    const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
    return {
      code: typeof code === 'string' && code !== '' ? clean(code, 100) : fallbackCode,
      message: clean(textOf(thrown), 2_000),
    };
  } catch {
    return { code: fallbackCode, message: 'something that cannot be shown was thrown' };
  }
}

function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message);
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return String(thrown);
  }
}

function clean(text: string, length: number): string {
  return text.replaceAll('\u0000', '').slice(0, length).toWellFormed();
}
