import type { StepExecutionCode } from './errors.js';
import { reasonOf } from './errors.js';

/** The reason of a signal whose time is over. */
class TimeIsOver extends Error {
  override readonly name = 'TimeoutError';
  constructor(
    readonly code: StepExecutionCode,
    ms: number,
  ) {
    super(`it took longer than ${ms} ms`);
  }
}

/** The work did not end though its signal was aborted. It may still be running. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
  constructor(reason: unknown, graceMs: number) {
    super(`${reasonOf(reason)}; told to stop, it did not end within ${graceMs} ms and may still be running`, {
      cause: reason,
    });
  }
}

export interface StopOptions {
  readonly code: StepExecutionCode;
  /** Milliseconds from now; without, there is no limit. */
  readonly timeoutMs: number | undefined;
  readonly outer?: AbortSignal | undefined;
}

/** What tells some work to stop: a time limit, or another signal, whichever comes first. To be cleared when the work is over. */
export class Stop {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #outer: AbortSignal | undefined;
  readonly #follow = () => this.#controller.abort(this.#outer?.reason);

  constructor({ code, timeoutMs, outer }: StopOptions) {
    this.#outer = outer;
    if (outer?.aborted) this.#follow();
    else outer?.addEventListener('abort', this.#follow);
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => this.#controller.abort(new TimeIsOver(code, timeoutMs)), timeoutMs);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Runs the work and settles as it does. When the signal is aborted the work still has `graceMs` to end, so that what it
   * did is known; then it rejects with `GivenUp`. Without `graceMs` its end is waited for.
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, graceMs: number | undefined): Promise<T> {
    const { signal } = this;
    if (graceMs === undefined) return work(signal);
    let grace: NodeJS.Timeout | undefined;
    let wait = () => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        wait = () => {
          grace = setTimeout(() => reject(new GivenUp(signal.reason, graceMs)), graceMs);
        };
        if (signal.aborted) wait();
        else signal.addEventListener('abort', wait);
        work(signal).then(resolve, reject);
      });
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', wait);
    }
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#follow);
  }
}

/** What a reason to stop is called. */
export function codeOf(reason: unknown): StepExecutionCode {
  try {
    return reason instanceof TimeIsOver ? reason.code : 'ABORTED';
  } catch {
    // A reason that cannot be looked at is none of ours.
    return 'ABORTED';
  }
}
