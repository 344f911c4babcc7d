/** A fetch cannot go on for longer: requests have a deadline. */
const LONGEST_MS = 30_000;

/**
 * Knows whether a batch may come from a fetch that was sent before the group was joined anew. kafkajs gives such a batch
 * to the handler as if it were of the new generation, and what lies between the committed offset and the batch would be
 * skipped. It happens with several brokers: the fetcher of one joins anew while the fetch of another goes on.
 */
export class StaleFetches {
  readonly #now: () => number;
  readonly #running = new Map<string, number>();
  readonly #stale = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  fetchBegan(node: string): void {
    this.#running.set(node, this.#now());
    this.#stale.delete(node);
  }

  /** The batches of the fetch follow within the same turn, so that it counts as stale until the next. */
  fetchEnded(node: string): void {
    this.#running.delete(node);
    if (this.#stale.has(node)) setImmediate(() => this.#stale.delete(node));
  }

  joined(): void {
    for (const [node, began] of this.#running) this.#stale.set(node, began);
  }

  /** True while a fetch of the former generation is under way: a batch that comes now may be its. */
  get any(): boolean {
    for (const [node, began] of this.#stale) {
      if (this.#now() - began > LONGEST_MS) this.#stale.delete(node);
    }
    return this.#stale.size > 0;
  }
}
