import { CLAIMED, enterRows, forwardKeyOf, leaveRow } from '@counterstep/core';
import type { Admission, Answer, BarrierOrder, BarrierRow } from '@counterstep/core';
import type { EffectResult } from './barrier.js';

/** A row with its effect key. */
export type KeyedRow = readonly [effectKey: string, row: BarrierRow];

/** Rows that one transaction holds, and what it makes of them, order after order. */
export class OpenRows {
  readonly #found: ReadonlyMap<string, BarrierRow>;
  readonly #rows: Map<string, BarrierRow>;
  /** As they were before the order that entered last. */
  #ownBefore: BarrierRow | undefined;
  #forwardBefore: BarrierRow | undefined;

  constructor(found: readonly KeyedRow[]) {
    this.#found = new Map(found);
    this.#rows = new Map(found);
  }

  enter(order: BarrierOrder): Admission {
    const { effectKey } = order;
    const forwardKey = order.direction === 'undo' ? forwardKeyOf(order) : undefined;
    this.#ownBefore = this.#rows.get(effectKey);
    this.#forwardBefore = forwardKey === undefined ? undefined : this.#rows.get(forwardKey);
    const { admission, own, forward } = enterRows(order, this.#ownBefore, this.#forwardBefore);
    if (own) this.#rows.set(effectKey, own);
    if (forward && forwardKey !== undefined) this.#rows.set(forwardKey, forward);
    return admission;
  }

  leave({ effectKey }: BarrierOrder, result: EffectResult): Answer {
    const { answer, row } = leaveRow(this.#rows.get(effectKey) ?? CLAIMED, result);
    if (row) this.#rows.set(effectKey, row);
    return answer;
  }

  /** Of the order that entered last: what failed keeps nothing, not even that it began. */
  takeBack(order: BarrierOrder): void {
    this.#restore(order.effectKey, this.#ownBefore);
    if (order.direction === 'undo') this.#restore(forwardKeyOf(order), this.#forwardBefore);
  }

  /** The rows to be inserted and those to be updated. */
  written(): { made: readonly KeyedRow[]; changed: readonly KeyedRow[] } {
    const made: KeyedRow[] = [];
    const changed: KeyedRow[] = [];
    for (const keyed of this.#rows) {
      const before = this.#found.get(keyed[0]);
      if (!before) made.push(keyed);
      else if (before !== keyed[1]) changed.push(keyed);
    }
    return { made, changed };
  }

  #restore(key: string, row: BarrierRow | undefined): void {
    if (row) this.#rows.set(key, row);
    else this.#rows.delete(key);
  }
}
