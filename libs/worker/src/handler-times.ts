import type { Handler } from './handlers.js';

/** What a handler that never ran is expected to take. */
const UNKNOWN_MS = 5;

/**
 * What handlers take, in milliseconds, as learned from their runs. Fast to believe that one is slow, but not after a single
 * slow run, which a pause of the process may have made; slow to believe that it is fast.
 */
export class HandlerTimes {
  readonly #known = new Map<Handler, { expected: number; last: number }>();

  expected(handler: Handler): number {
    return this.#known.get(handler)?.expected ?? UNKNOWN_MS;
  }

  learn(handler: Handler, ms: number): void {
    const known = this.#known.get(handler);
    if (!known) {
      this.#known.set(handler, { expected: ms, last: ms });
      return;
    }
    const lasting = Math.min(ms, known.last);
    known.expected = lasting > known.expected ? lasting : known.expected + (lasting - known.expected) / 8;
    known.last = ms;
  }
}
