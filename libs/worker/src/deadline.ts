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
  readonly #controller = new AbortController();
  readonly #others: readonly AbortSignal[];
  readonly #onOther: () => void;
  #timer: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #over = false;

  constructor(timeoutMs: number, others: readonly AbortSignal[] = []) {
    this.#others = others;
    this.#onOther = () => this.#abort(others.find((other) => other.aborted)?.reason);
    this.extend(timeoutMs);
    for (const other of others) other.addEventListener('abort', this.#onOther, { once: true });
    if (others.some((other) => other.aborted)) this.#onOther();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** So many milliseconds from now; without effect once the signal was aborted or the deadline cleared. */
  extend(timeoutMs: number): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    const passed = () => this.#abort(new DOMException('the attempt’s deadline has passed', 'TimeoutError'));
    this.#timer = setTimeout(passed, Math.min(timeoutMs, MAX_TIMER_MS));
  }

  /** Rejects with `GaveUp` when `running` has not settled so long after the signal was aborted. */
  async orGiveUp<T>(running: Promise<T>, graceMs: number): Promise<T> {
    const gaveUp = new Promise<never>((_, reject) => {
      const startGrace = (): void => {
        this.#grace = setTimeout(() => reject(new GaveUp()), graceMs);
      };
      if (this.signal.aborted) startGrace();
      else this.signal.addEventListener('abort', startGrace, { once: true });
    });
    // Whichever loses the race may still reject, and nobody listens to it then.
    running.catch(() => undefined);
    gaveUp.catch(() => undefined);
    return Promise.race([running, gaveUp]);
  }

  clear(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#grace);
    for (const other of this.#others) other.removeEventListener('abort', this.#onOther);
  }

  #abort(reason: unknown): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#controller.abort(reason);
  }
}
