const MIN_GAP_MS = 50;

/**
 * Reads that are shared by all who asked before they began. A read that is going on may be older than the question, so
 * later questions wait for the next one, which begins 50 ms after the one before.
 */
export class SharedReads<K, V> {
  readonly #read: (key: K) => Promise<V>;
  readonly #next = new Map<K, Promise<V>>();
  readonly #running = new Map<K, Promise<unknown>>();

  constructor(read: (key: K) => Promise<V>) {
    this.#read = read;
  }

  read(key: K): Promise<V> {
    let next = this.#next.get(key);
    if (next === undefined) {
      next = (this.#running.get(key) ?? Promise.resolve()).then(() => this.#begin(key));
      this.#next.set(key, next);
    }
    return next;
  }

  #begin(key: K): Promise<V> {
    this.#next.delete(key);
    const answer = this.#read(key);
    const gap = new Promise((resolve) => setTimeout(resolve, MIN_GAP_MS).unref());
    const running = Promise.all([answer.catch(() => undefined), gap]).then(() => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    });
    this.#running.set(key, running);
    return answer;
  }
}
