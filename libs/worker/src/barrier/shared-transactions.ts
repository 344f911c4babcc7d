import { BarrierUnavailable } from './barrier.js';
import type { OpenRows } from './open-rows.js';

interface Share<Key> {
  readonly key: Key;
  readonly body: (rows: OpenRows) => void;
  readonly reject: (error: unknown) => void;
  readonly done: () => void;
}

/** Many a transaction. */
const MAX_SHARES = 200;

/** Short works on rows, which share transactions: what comes while one is under way goes into the next. */
export class SharedTransactions<Key> {
  readonly #transaction: (keys: readonly Key[], body: (rows: OpenRows) => void) => Promise<void>;
  readonly #waiting: Share<Key>[] = [];
  #running = false;

  constructor(transaction: (keys: readonly Key[], body: (rows: OpenRows) => void) => Promise<void>) {
    this.#transaction = transaction;
  }

  /** Resolves to what `work` returned when its transaction is committed. `work` may run again if that fails. */
  run<T>(key: Key, work: (rows: OpenRows) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let value: T;
      this.#waiting.push({
        key,
        body: (rows) => void (value = work(rows)),
        reject,
        done: () => resolve(value),
      });
      if (this.#running) return;
      this.#running = true;
      // Not within the caller's stack: works of the same turn share the transaction.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, MAX_SHARES));
    this.#running = false;
  }

  async #commit(shares: readonly Share<Key>[]): Promise<void> {
    try {
      await this.#transaction(
        shares.map(({ key }) => key),
        (rows) => {
          for (const { body } of shares) body(rows);
        },
      );
      for (const { done } of shares) done();
    } catch (error) {
      if (shares.length === 1 || error instanceof BarrierUnavailable) {
        for (const { reject } of shares) reject(error);
        return;
      }
      // Whoever spoils it for the others is found by halving.
      const half = Math.ceil(shares.length / 2);
      await this.#commit(shares.slice(0, half));
      await this.#commit(shares.slice(half));
    }
  }
}
