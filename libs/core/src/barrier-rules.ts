import type { BarrierMode, Command, Direction, ErrorFacts, Outcome } from '@counterstep/protocol';
import type { HandlerAnswer } from './answer.js';

/**
 * The rules of the barrier, without a database: what a row says about an order, and what an ended effect writes into its
 * row. Implementations only have to read and write rows so that two orders on one key never interleave.
 */

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * - `started`: a handler ran, or is running, and its end is not known (modes other than `transaction` only).
 * - `succeeded`, `rejected`: the stored answer is the last word of this key.
 * - `uncertain`: rejected, but another execution may have left the effect: the answer is `failed`, the undo runs for real.
 * - `tombstone`: the undo came first; the forward effect must never run.
 */
export type RowState = 'started' | 'succeeded' | 'rejected' | 'uncertain' | 'tombstone';

export interface BarrierRow {
  readonly state: RowState;
  readonly answer: Answer | null;
  /** A handler that undoes this effect has begun. */
  readonly undoBegan: boolean;
  /** How often the handler was let run. More than once: an earlier execution may have left its effect. */
  readonly executions: number;
}

/** What a row looks like right after it was claimed. */
export const CLAIMED: BarrierRow = { state: 'started', answer: null, undoBegan: false, executions: 1 };

/** What the barrier needs to know of a command. */
export interface BarrierOrder {
  readonly mode: BarrierMode;
  readonly sagaId: string;
  readonly step: string;
  readonly run: number;
  readonly attempt: number;
  readonly direction: Direction;
  readonly effectKey: string;
  /** Milliseconds after which nobody waits for this attempt any more; the barrier may end what outlives it by far. */
  readonly timeoutMs?: number;
  /** Undo only: the key of the effect to undo, and how the orchestrator saw it end. */
  readonly forwardKey?: string;
  readonly forwardOutcome?: Outcome;
}

/** What goes back to the orchestrator, and what a duplicate gets again. JSON, apart from being readonly. */
export type Answer =
  | {
      readonly outcome: 'succeeded';
      readonly output?: unknown;
      readonly undoData?: unknown;
      /** An undo that found nothing to undo. */
      readonly noop?: true;
      /** The effect finished after its undo had begun, so it still stands. */
      readonly late?: true;
    }
  | {
      readonly outcome: 'rejected';
      readonly error: ErrorFacts;
      /** It came after its undo and was not run. */
      readonly refused?: true;
    }
  | { readonly outcome: 'failed'; readonly error: ErrorFacts; readonly retryable: boolean };

export type Admission = { readonly run: true } | { readonly run: false; readonly answer: Answer };

const RUN: Admission = { run: true };

const REFUSED_LATE: Answer = {
  outcome: 'rejected',
  error: { code: 'REFUSED_LATE', message: 'the command came after its undo and was not run' },
  refused: true,
};

const NOTHING_TO_UNDO: Answer = { outcome: 'succeeded', noop: true };

/** Whether an order runs, given its own row; `undefined` when the order has just made the row. */
export function admit(row: BarrierRow | undefined): Admission {
  if (row === undefined) return RUN;
  if (row.answer !== null) return { run: false, answer: row.answer };
  if (row.state === 'tombstone' || row.undoBegan) return { run: false, answer: REFUSED_LATE };
  return RUN;
}

/** Whether an undo that was admitted runs, given the forward row; `undefined` when there was none and a tombstone was set. */
export function admitUndo(forward: BarrierRow | undefined, outcome: Outcome | undefined): Admission {
  if (forward === undefined || forward.state === 'tombstone') {
    return outcome === 'succeeded' ? RUN : { run: false, answer: NOTHING_TO_UNDO };
  }
  return forward.state === 'rejected' ? { run: false, answer: NOTHING_TO_UNDO } : RUN;
}

/**
 * What the end of an effect writes into its row, and answers. `stored` is undefined when the row stays as it is: then a
 * row that was not committed before must not be committed now.
 */
export function settle(
  row: BarrierRow,
  result: HandlerAnswer,
): { readonly stored?: RowState; readonly answer: Answer } {
  if (result.outcome === 'failed') {
    return { answer: { outcome: 'failed', error: result.error, retryable: result.retryable } };
  }
  // Another execution under this key ended first. Its answer stands, unless it is a rejection that proved to be wrong.
  const overruled = row.state === 'uncertain' && result.outcome === 'succeeded';
  if (row.answer !== null && !overruled) return { answer: row.answer };
  if (result.outcome === 'rejected') {
    const { error } = result;
    if (row.executions === 1) return { stored: 'rejected', answer: { outcome: 'rejected', error } };
    // Of a worker that died, or of one beside this: only it could promise that nothing happened.
    return { stored: 'uncertain', answer: { outcome: 'failed', error, retryable: false } };
  }
  const answer: Mutable<Answer & { outcome: 'succeeded' }> = { outcome: 'succeeded' };
  if (result.output !== undefined) answer.output = result.output;
  if (result.undoData !== undefined) answer.undoData = result.undoData;
  if (row.undoBegan) answer.late = true;
  return { stored: 'succeeded', answer };
}

/** The key under which an undo finds, or buries, what it undoes. */
export function forwardKeyOf(order: BarrierOrder): string {
  return order.forwardKey ?? order.effectKey.replace(/\/undo$/, '/forward');
}

/** What the barrier is asked about a command, whose handler has this mode. */
export function orderOf(command: Command, mode: BarrierMode): BarrierOrder {
  const order: Mutable<BarrierOrder> = {
    mode,
    sagaId: command.sagaid,
    step: command.step,
    run: command.run,
    attempt: command.attempt,
    direction: command.direction,
    effectKey: command.effectkey,
    timeoutMs: command.timeout,
  };
  if (command.forwardkey !== undefined) order.forwardKey = command.forwardkey;
  if (command.forwardoutcome !== undefined) order.forwardOutcome = command.forwardoutcome;
  return order;
}
