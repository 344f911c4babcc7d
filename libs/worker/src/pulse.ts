import { undoDataText } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
import type { Deadline } from './deadline.js';

export interface PulseOptions {
  /** The newest attempt that this run serves. */
  readonly command: () => Command;
  readonly deadline: Deadline;
  /** Resolves when the broker has it; rejects when it never will. */
  readonly send: (command: Command, undoData: unknown) => Promise<void>;
  /** Told when a heartbeat could not be sent, which its handler may not have waited for. */
  readonly onTrouble: (error: unknown) => void;
  /** Keeps the barrier's transaction from idling for too long. */
  readonly keepAlive?: (() => Promise<void>) | undefined;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: () => number;
}

/** The heartbeats of one running handler. */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #now: () => number;
  #sentAt = -Infinity;
  /** The undo data told last, as JSON. */
  #told: string | undefined;
  #keepingAlive: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** `undefined` tells nothing but life. A handler that does not wait for the promise is safe from its rejection. */
  beat(undoData?: unknown): Promise<void> {
    const beating = this.#beat(undoData);
    beating.catch(this.#options.onTrouble);
    return beating;
  }

  /** Resolves when the barrier's transaction is not used from here: two queries at once are bad for a connection. */
  quiet(): Promise<void> {
    return this.#keepingAlive;
  }

  /** What a handler that has ended left ticking is not heard. */
  end(): void {
    this.#ended = true;
  }

  async #beat(undoData: unknown): Promise<void> {
    if (this.#ended) return;
    const command = this.#options.command();
    const { deadline, send } = this.#options;
    deadline.extend(command.timeout);
    const text = undoData === undefined ? undefined : undoDataText(undoData);
    const news = text !== undefined && text !== this.#told;
    const due = this.#now() - this.#sentAt >= command.timeout / 3;
    if (!news && (!due || deadline.reason !== undefined)) return;
    this.#sentAt = this.#now();
    if (due) this.#keepAlive();
    if (!news) {
      // Nobody needs to wait for a mere sign of life, least of all while the broker is away.
      send(command, undefined).catch(this.#options.onTrouble);
      return;
    }
    this.#told = text;
    try {
      await orAborted(send(command, undoData), deadline.signal);
    } catch (error) {
      if (this.#told === text) this.#told = undefined;
      throw error;
    }
  }

  #keepAlive(): void {
    this.#keepingAlive = this.#options.keepAlive?.() ?? this.#keepingAlive;
  }
}

/** As `sent`, but does not wait for it any longer than the handler may run. */
function orAborted(sent: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return sent;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    sent.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
