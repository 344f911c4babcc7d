import { deadlinePassed } from '@counterstep/core';

/** A longer delay overflows Node's timers, which then fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** The handler did not settle though its signal was aborted long ago; it may still be running. */
export class GaveUp extends Error {
  readonly code = 'DEADLINE_EXCEEDED';
  constructor() {
    super('the handler did not end after its signal was aborted, so its transaction was rolled back');
    this.name = 'GaveUp';
  }
}

/**
 * An abort signal for the attempt's deadline and for whatever else may end it, whichever comes first. The signal is made
 * only when somebody asks for it: most handlers never do, and it is dear.
 */
export class Deadline {
  #controller: AbortController | undefined;
  #reason: unknown;
  #onAbort: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #isOver = false;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why the signal was aborted; undefined when it was not. */
  get reason(): unknown {
    return this.#reason;
  }

  /** So many milliseconds from now, unless it was extended before. */
  begin(timeoutMs: number): void {
    if (!this.#timer) this.extend(timeoutMs);
  }

  /** So many milliseconds from now; without effect once the signal was aborted or the deadline cleared. */
  extend(timeoutMs: number): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.abort(deadlinePassed()), Math.min(timeoutMs, MAX_TIMER_MS));
  }

  /** Only the first reason counts, and none once the deadline was cleared. */
  abort(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    clearTimeout(this.#timer);
    this.#controller?.abort(reason);
    this.#onAbort?.();
  }

  /** Rejects with `GaveUp` when `running` has not settled so long after the signal was aborted. */
  orGiveUp<T>(running: Promise<T>, graceMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      running.then(resolve, reject);
      this.#onAbort = () => {
        this.#grace = setTimeout(() => reject(new GaveUp()), graceMs);
      };
      if (this.#reason !== undefined) this.#onAbort();
    });
  }

  clear(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#grace);
  }
}
