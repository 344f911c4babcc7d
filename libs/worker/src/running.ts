import { EffectCancelled, type Answer } from '@counterstep/core';
import type { Command, NoticeReason } from '@counterstep/protocol';
import type { Effect } from './barrier/barrier.js';
import type { EffectRun } from './effect.js';
import type { Handler } from './handlers.js';
import { LazyAbort } from './lazy-abort.js';

/** The worker stops and has not answered the command; it will be delivered again. */
export class WorkerStopped extends Error {
  readonly code = 'WORKER_STOPPED';
  readonly retryable = true;
}

/** One run of a handler, that goes on or waits for its turn. */
export class Running implements EffectRun {
  readonly cancelled = new LazyAbort();
  /** Rejects only with `WorkerStopped`. */
  readonly answer: Promise<Answer>;
  /** One for all tries: outside a transaction it remembers that it was done. */
  effect: Effect | undefined;
  /* The executor of the promise sets them at once. */
  #resolve!: (answer: Answer) => void;
  #reject!: (error: WorkerStopped) => void;

  constructor(
    /** The newest attempt. */
    public command: Command,
    /** Undefined when nobody here serves it. */
    readonly handler: Handler | undefined,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  settle(answer: Answer): void {
    this.#resolve(answer);
  }

  stop(): void {
    this.#reject(new WorkerStopped('the worker stops'));
  }

  cancel(reason: NoticeReason): void {
    this.cancelled.abort(new EffectCancelled(reason));
  }
}
