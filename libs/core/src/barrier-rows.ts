import type { HandlerAnswer } from './answer.js';
import { CLAIMED, admit, admitUndo, forwardKeyOf, settle } from './barrier-rules.js';
import type { Admission, Answer, BarrierOrder, BarrierRow } from './barrier-rules.js';

/* The two steps of the barrier, before and after the handler, over rows that are plain data. */

/** The barrier's table, by effect key. JSON, apart from being readonly. */
export type BarrierRows = Readonly<Record<string, BarrierRow>>;

/** Whether the order's handler runs, and its rows that say so: those that change, to be written all or none. */
export interface Entered {
  readonly admission: Admission;
  readonly own?: BarrierRow;
  /** Of what the order undoes. */
  readonly forward?: BarrierRow;
}

const TOMBSTONE: BarrierRow = { state: 'tombstone', answer: null, undoBegan: false, executions: 0 };

/** `own` is the order's row as it was found, `forward` that of what it undoes. */
export function enterRows(
  order: BarrierOrder,
  own: BarrierRow | undefined,
  forward: BarrierRow | undefined,
): Entered {
  const admission = admit(own);
  if (!admission.run) return { admission };
  const row = own ? { ...own, executions: own.executions + 1 } : CLAIMED;
  if (order.direction === 'forward') return { admission, own: row };
  const undo = admitUndo(forward, order.forwardOutcome);
  if (!undo.run) {
    const ended: BarrierRow = { ...row, state: 'succeeded', answer: undo.answer };
    return { admission: undo, own: ended, ...(!forward && { forward: TOMBSTONE }) };
  }
  return { admission, own: row, forward: forward ? { ...forward, undoBegan: true } : TOMBSTONE };
}

/** What the end of the handler answers, and the row that keeps it; none when nothing is kept. */
export function leaveRow(
  row: BarrierRow,
  result: HandlerAnswer,
): { readonly answer: Answer; readonly row?: BarrierRow } {
  const { stored, answer } = settle(row, result);
  return stored === undefined ? { answer } : { answer, row: { ...row, state: stored, answer } };
}

/** As `enterRows`, on a whole table. */
export function enterBarrier(
  rows: BarrierRows,
  order: BarrierOrder,
): { readonly admission: Admission; readonly changed: BarrierRows } {
  const forwardKey = forwardKeyOf(order);
  const { admission, own, forward } = enterRows(order, rows[order.effectKey], rows[forwardKey]);
  const changed = { ...(own && { [order.effectKey]: own }), ...(forward && { [forwardKey]: forward }) };
  return { admission, changed };
}

/** As `leaveRow`, on a whole table. */
export function leaveBarrier(
  rows: BarrierRows,
  effectKey: string,
  result: HandlerAnswer,
): { readonly answer: Answer; readonly changed: BarrierRows } {
  const { answer, row } = leaveRow(rows[effectKey] ?? CLAIMED, result);
  return { answer, changed: row ? { [effectKey]: row } : {} };
}
