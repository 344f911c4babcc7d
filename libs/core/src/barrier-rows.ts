import type { HandlerAnswer } from './answer.js';
import { CLAIMED, admit, admitUndo, forwardKeyOf, settle } from './barrier-rules.js';
import type { Admission, Answer, BarrierOrder, BarrierRow } from './barrier-rules.js';

/* The two steps of the barrier, before and after the handler, over rows that are plain data. */

/** The barrier's table, by effect key. JSON, apart from being readonly. */
export type BarrierRows = Readonly<Record<string, BarrierRow>>;

const TOMBSTONE: BarrierRow = { state: 'tombstone', answer: null, undoBegan: false, executions: 0 };

/** Whether the order's handler runs, and the rows that say so: those that change, to be written all or none. */
export function enterBarrier(
  rows: BarrierRows,
  order: BarrierOrder,
): { readonly admission: Admission; readonly changed: BarrierRows } {
  const { effectKey } = order;
  const found = rows[effectKey];
  const row = found ? { ...found, executions: found.executions + 1 } : CLAIMED;
  const admission = admit(found);
  if (!admission.run) return { admission, changed: {} };
  if (order.direction === 'forward') return { admission, changed: { [effectKey]: row } };
  const forwardKey = forwardKeyOf(order);
  const forward = rows[forwardKey];
  const undo = admitUndo(forward, order.forwardOutcome);
  if (!undo.run) {
    const own: BarrierRow = { ...row, state: 'succeeded', answer: undo.answer };
    return { admission: undo, changed: { [effectKey]: own, ...(!forward && { [forwardKey]: TOMBSTONE }) } };
  }
  const begun = forward ? { ...forward, undoBegan: true } : TOMBSTONE;
  return { admission, changed: { [effectKey]: row, [forwardKey]: begun } };
}

/** What the end of the handler answers, and the row that keeps it; none when nothing is kept. */
export function leaveBarrier(
  rows: BarrierRows,
  effectKey: string,
  result: HandlerAnswer,
): { readonly answer: Answer; readonly changed: BarrierRows } {
  const row = rows[effectKey] ?? CLAIMED;
  const { stored, answer } = settle(row, result);
  return { answer, changed: stored === undefined ? {} : { [effectKey]: { ...row, state: stored, answer } } };
}
