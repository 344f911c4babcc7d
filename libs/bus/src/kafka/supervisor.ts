import type { BusLogger } from '../bus.js';
import { Backoff, within } from './backoff.js';
import { messageOf } from './errors.js';

/** Something that lives until it dies or falls silent, and is then made anew. */
export interface Supervised {
  /** Resolves when it dies, with the reason. */
  readonly died: Promise<string>;
  /** Grows with each sign of life. */
  readonly beats: number;
  /** How long it may go without one, in milliseconds. */
  readonly silenceMs: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Why it is no longer of use though it seems alive; asked every `probeMs`. */
  stalled(): Promise<string | undefined>;
}

export interface SupervisorOptions<T extends Supervised> {
  readonly name: string;
  readonly build: () => T;
  readonly logger: BusLogger;
  readonly backoff?: Backoff;
  readonly tickMs?: number;
  readonly probeMs?: number;
  /** After so long a dead instance is left to itself, though it may still be disconnecting. */
  readonly abandonMs?: number;
  /** The same when it is closed, which somebody waits for. */
  readonly closeMs?: number;
}

/**
 * Keeps one instance alive: builds another one when it crashes, falls silent or stalls. kafkajs revives some crashed
 * consumers, leaves others dead, and shows neither from outside.
 */
export class Supervisor<T extends Supervised> {
  readonly #options: SupervisorOptions<T>;
  readonly #backoff: Backoff;
  readonly #tickMs: number;
  readonly #abandonMs: number;
  readonly #closeMs: number;
  #current: T | undefined;
  #problem: string | undefined;
  #end: (reason: string) => void = () => undefined;
  #closed = false;
  readonly #done: Promise<void>;

  constructor(options: SupervisorOptions<T>) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff(500, 30_000);
    this.#tickMs = options.tickMs ?? 1_000;
    this.#abandonMs = options.abandonMs ?? 10_000;
    this.#closeMs = options.closeMs ?? 5_000;
    this.#done = this.#live();
  }

  /** Undefined between two instances. */
  get current(): T | undefined {
    return this.#current;
  }

  /** Why there is no instance now. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Builds at once, if it waits to. */
  wake(): void {
    this.#backoff.wake();
  }

  /** Stops the instance; resolves after `closeMs` at the latest. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#end('closed');
    this.#backoff.wake();
    await this.#done;
  }

  async #live(): Promise<void> {
    while (!this.#closed) {
      const one = this.#options.build();
      this.#current = one;
      const reason = await this.#watch(one);
      this.#current = undefined;
      if (!this.#closed) {
        this.#problem = reason;
        this.#options.logger.warn(`${this.#options.name} is rebuilt`, { reason });
      }
      if ((await within(one.stop(), this.#closed ? this.#closeMs : this.#abandonMs)) === 'late') {
        this.#options.logger.warn(`${this.#options.name} did not stop and was abandoned`);
      }
      if (!this.#closed) await this.#backoff.pause();
    }
  }

  /** Resolves when the instance is of no more use, with the reason. */
  async #watch(one: T): Promise<string> {
    let stop: () => void = () => undefined;
    const reason = await new Promise<string>((resolve) => {
      this.#end = resolve;
      stop = this.#listen(one, resolve);
      one.start().catch((error: unknown) => resolve(messageOf(error)));
      void one.died.then(resolve);
    });
    stop();
    return reason;
  }

  #listen(one: T, end: (reason: string) => void): () => void {
    // In ticks, not by the clock: a process that was frozen must not take its own sleep for its consumer's silence.
    let silent = 0;
    let healthy = 0;
    let beats = one.beats;
    const ticks = setInterval(() => {
      silent = one.beats === beats ? silent + this.#tickMs : 0;
      beats = one.beats;
      healthy += this.#tickMs;
      if (silent >= one.silenceMs) end(`no sign of life for ${silent} ms`);
      else if (silent === 0) this.#problem = undefined;
      if (healthy >= 30_000) this.#backoff.reset();
    }, this.#tickMs);
    const probes = setInterval(() => {
      one.stalled().then(
        (reason) => reason !== undefined && end(reason),
        () => undefined,
      );
    }, this.#options.probeMs ?? 15_000);
    return () => {
      clearInterval(ticks);
      clearInterval(probes);
    };
  }
}
