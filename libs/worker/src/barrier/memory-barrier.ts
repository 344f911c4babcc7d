import { enterBarrier, forwardKeyOf, leaveBarrier } from '@counterstep/core';
import type { Answer, BarrierRow, BarrierRows } from '@counterstep/core';
import { BarrierUnavailable, type Barrier, type BarrierEntry } from './barrier.js';
import { performWithout } from './no-barrier.js';

/** What `context.tx` is in mode `transaction` of a `MemoryBarrier`. */
export class MemoryTransaction {
  #undos: (() => void)[] = [];
  #state: 'open' | 'ended' | 'lost' = 'open';

  /**
   * Call it before a write to your own memory, with what takes the write back. The last one given is called first. Throws
   * when the transaction has ended: then nothing may be written any more.
   */
  onRollback(undo: () => void): void {
    if (this.#state !== 'open')
      throw new Error('the transaction has ended, so nothing more may be written in it');
    this.#undos.push(undo);
  }

  /** Ends it as the death of its process does: nothing of it stands, and the order may be given again. */
  lose(): void {
    if (this.#state !== 'open') return;
    this.rollback();
    this.#state = 'lost';
  }

  get isLost(): boolean {
    return this.#state === 'lost';
  }

  /** For the barrier. */
  rollback(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    for (const undo of this.#undos.reverse()) undo();
  }

  /** For the barrier. */
  commit(): void {
    this.#state = 'ended';
  }
}

/**
 * The barrier without a database, for tests and for workers on the memory bus: all modes, by the same rules, but what it
 * remembers is lost with the process. Workers that share one instance share its rows, which are never purged.
 */
export class MemoryBarrier implements Barrier {
  readonly #rows: Record<string, BarrierRow>;
  readonly #locks = new Map<string, Promise<unknown>>();

  constructor(rows: BarrierRows = {}) {
    this.#rows = { ...rows };
  }

  /** A copy of what is committed: plain data, of which another barrier may be made. */
  get rows(): BarrierRows {
    return { ...this.#rows };
  }

  async perform(group: readonly BarrierEntry[]): Promise<void> {
    await Promise.all(group.map((entry) => this.#answer(entry)));
  }

  async #answer(entry: BarrierEntry): Promise<void> {
    try {
      if (entry.order.mode === 'transaction') entry.answered(await this.#inOneTransaction(entry));
      else if (entry.order.mode === 'external') entry.answered(await this.#aroundTheHandler(entry));
      else await performWithout(entry);
    } catch (error) {
      if (error instanceof BarrierUnavailable) return entry.undecided(error);
      const message = error instanceof Error ? error.message : String(error);
      entry.answered({ outcome: 'failed', error: { code: 'BARRIER_FAILED', message }, retryable: true });
    }
  }

  async #inOneTransaction(entry: BarrierEntry): Promise<Answer> {
    const { order } = entry;
    // The rows of an effect and of its undo are locked together: one order after the other.
    const key = order.direction === 'undo' ? forwardKeyOf(order) : order.effectKey;
    const before = this.#locks.get(key) ?? Promise.resolve();
    const mine = before.then(() => this.#alone(entry));
    const settled = mine.catch(() => undefined);
    this.#locks.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#locks.get(key) === settled) this.#locks.delete(key);
    }
  }

  async #alone(entry: BarrierEntry): Promise<Answer> {
    const { order } = entry;
    const { admission, changed } = enterBarrier(this.#rows, order);
    if (!admission.run) {
      this.#write(changed);
      return admission.answer;
    }
    const tx = new MemoryTransaction();
    try {
      const result = await entry.effect(tx);
      if (tx.isLost) throw new BarrierUnavailable(new Error('the transaction was lost'));
      const end = leaveBarrier(changed, order.effectKey, result);
      if (result.outcome === 'succeeded') tx.commit();
      // What failed keeps nothing, not even that it began.
      if (result.outcome !== 'failed') this.#write({ ...changed, ...end.changed });
      return end.answer;
    } finally {
      tx.rollback();
    }
  }

  async #aroundTheHandler(entry: BarrierEntry): Promise<Answer> {
    const { order } = entry;
    const { admission, changed } = enterBarrier(this.#rows, order);
    this.#write(changed);
    if (!admission.run) return admission.answer;
    const result = await entry.effect(undefined);
    const end = leaveBarrier(this.#rows, order.effectKey, result);
    this.#write(end.changed);
    return end.answer;
  }

  #write(changed: BarrierRows): void {
    // As a table would: what is kept is a copy, which nobody can change through an answer.
    Object.assign(this.#rows, JSON.parse(JSON.stringify(changed)));
  }
}
