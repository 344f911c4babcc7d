import { deadlinePassed } from '@counterstep/core';
import { LazyAbort } from './lazy-abort.js';

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

/** An abort signal for the attempt's deadline and for whatever else may end it, whichever comes first. */
export class Deadline {
  readonly #abort = new LazyAbort();
  readonly #forget: readonly (() => void)[];
  #timer: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #over = false;

  constructor(timeoutMs: number, others: readonly LazyAbort[] = []) {
    this.extend(timeoutMs);
    this.#forget = others.map((other) => other.onAbort((reason) => this.#end(reason)));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Why the signal was aborted; undefined when it was not. */
  get reason(): unknown {
    return this.#abort.reason;
  }

  /** So many milliseconds from now; without effect once the signal was aborted or the deadline cleared. */
  extend(timeoutMs: number): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    const passed = () => this.#end(deadlinePassed());
    this.#timer = setTimeout(passed, Math.min(timeoutMs, MAX_TIMER_MS));
  }

  /** Rejects with `GaveUp` when `running` has not settled so long after the signal was aborted. */
  orGiveUp<T>(running: Promise<T>, graceMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      running.then(resolve, reject);
      this.#abort.onAbort(() => {
        this.#grace = setTimeout(() => reject(new GaveUp()), graceMs);
      });
    });
  }

  clear(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#grace);
    for (const forget of this.#forget) forget();
  }

  #end(reason: unknown): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#abort.abort(reason);
  }
}
