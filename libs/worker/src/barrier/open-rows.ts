import { enterBarrier, leaveBarrier } from '@counterstep/core';
import type { Admission, Answer, BarrierOrder, BarrierRow, BarrierRows } from '@counterstep/core';
import type { EffectResult } from './barrier.js';

/** Rows that one transaction holds, and what it makes of them, order after order. */
export class OpenRows {
  readonly #found: BarrierRows;
  readonly #rows: Record<string, BarrierRow>;
  readonly #touched = new Set<string>();
  /** As they were before the order that entered last. */
  #before: readonly (readonly [string, BarrierRow | undefined])[] = [];

  constructor(found: BarrierRows) {
    this.#found = found;
    this.#rows = { ...found };
  }

  enter(order: BarrierOrder): Admission {
    const { admission, changed } = enterBarrier(this.#rows, order);
    this.#before = Object.keys(changed).map((key) => [key, this.#rows[key]] as const);
    this.#apply(changed);
    return admission;
  }

  leave({ effectKey }: BarrierOrder, result: EffectResult): Answer {
    const { answer, changed } = leaveBarrier(this.#rows, effectKey, result);
    this.#apply(changed);
    return answer;
  }

  /** What failed keeps nothing, not even that it began. */
  takeBack(): void {
    for (const [key, row] of this.#before) {
      if (row) this.#rows[key] = row;
      else Reflect.deleteProperty(this.#rows, key);
    }
  }

  /** The rows to be inserted and those to be updated. */
  written(): { made: BarrierRows; changed: BarrierRows } {
    const made: Record<string, BarrierRow> = {};
    const changed: Record<string, BarrierRow> = {};
    for (const key of this.#touched) {
      const row = this.#rows[key];
      if (!row || row === this.#found[key]) continue;
      (this.#found[key] ? changed : made)[key] = row;
    }
    return { made, changed };
  }

  #apply(changed: BarrierRows): void {
    for (const [key, row] of Object.entries(changed)) {
      this.#rows[key] = row;
      this.#touched.add(key);
    }
  }
}
