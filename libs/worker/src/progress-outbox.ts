import { randomUUID } from 'node:crypto';
import type { Bus, OutgoingMessage, RefusedMessage } from '@counterstep/bus';
import type { ProgressSink } from '@counterstep/core';
import {
  PROGRESS_LIMITS,
  PROGRESS_TYPE,
  encodeMessage,
  headersOf,
  type Command,
  type ProgressMessage,
} from '@counterstep/protocol';
import type { WorkerLogger } from './logger.js';
import { Notes } from './notes.js';

export interface ProgressOutboxOptions {
  readonly bus: Pick<Bus, 'publish'>;
  readonly topic: string;
  /** The CloudEvents source. */
  readonly source: string;
  readonly logger: WorkerLogger;
  readonly timing?: Timing;
}

export interface Timing {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after so many milliseconds. */
  after(ms: number, run: () => void): void;
}

/** Milliseconds from one round of messages to the next. A round has one message per saga at most, so four a second. */
export const ROUND_MS = 250;
/** Messages in a round, of all sagas. */
export const ROUND_MESSAGES = 25;
/** Handlers whose words wait; those that wait for the longest give way. */
export const MAX_WAITING = 1_000;
/** Milliseconds between two warnings. */
const WARN_MS = 60_000;

/**
 * Sends what handlers tell to the progress topic: fire and forget. It never throws, and nobody waits for it. What comes
 * between two rounds is put together, and so is what comes while the broker is away: one round is on its way at a time.
 */
export class ProgressOutbox implements ProgressSink {
  readonly #options: ProgressOutboxOptions;
  readonly #timing: Timing;
  readonly #origin = randomUUID();
  /** By effect key, in the order of their first word. */
  readonly #waiting = new Map<string, Notes>();
  #number = 0;
  #isArmed = false;
  #sending: Promise<void> | undefined;
  #warnedAt = -Infinity;

  constructor(options: ProgressOutboxOptions) {
    this.#options = options;
    this.#timing = options.timing ?? systemTiming;
  }

  progress(command: Command, current: number, total: number, category: string): void {
    this.#note(command, (notes) => notes.progress(current, total, category));
  }

  metrics(command: Command, values: Readonly<Record<string, unknown>>, category: string): void {
    this.#note(command, (notes) => notes.metrics(values, category));
  }

  log(
    command: Command,
    event: string,
    data: Readonly<Record<string, unknown>>,
    file: string | undefined,
  ): void {
    const at = new Date(this.#timing.now()).toISOString();
    this.#note(command, (notes) => notes.log(at, event, data, file));
  }

  /** Sends what waits, in rounds without a pause between them. Resolves when the broker has it, or will not. */
  async flush(): Promise<void> {
    await this.#sending;
    while (this.#waiting.size > 0) await this.#send();
  }

  #note(command: Command, write: (notes: Notes) => void): void {
    const notes = this.#notesOf(command);
    try {
      write(notes);
    } catch {
      // A getter that throws, a text that is none: it is the handler's, but no reason for its step to fail.
      notes.dropped += 1;
    }
    this.#arm();
  }

  #notesOf(command: Command): Notes {
    const { effectkey } = command;
    let notes = this.#waiting.get(effectkey);
    if (!notes) {
      if (this.#waiting.size >= MAX_WAITING) this.#forgetOldest();
      notes = new Notes(command);
      this.#waiting.set(effectkey, notes);
    } else if (command.attempt > notes.command.attempt) notes.command = command;
    return notes;
  }

  #forgetOldest(): void {
    const [oldest] = this.#waiting.keys();
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    this.#warn('progress of handlers is dropped: too much of it waits for the broker', {});
  }

  #arm(): void {
    if (this.#isArmed || this.#sending) return;
    this.#isArmed = true;
    this.#timing.after(ROUND_MS, () => {
      this.#isArmed = false;
      if (!this.#sending && this.#waiting.size > 0) void this.#send();
    });
  }

  /** One round. Never rejects. */
  #send(): Promise<void> {
    this.#sending = this.#publish(this.#take()).then(() => {
      this.#sending = undefined;
      if (this.#waiting.size > 0) this.#arm();
    });
    return this.#sending;
  }

  /** The words that have waited for the longest, of each saga those of one handler. */
  #take(): OutgoingMessage[] {
    const sagas = new Set<string>();
    const messages: OutgoingMessage[] = [];
    for (const [effectKey, notes] of this.#waiting) {
      if (messages.length >= ROUND_MESSAGES) break;
      if (sagas.has(notes.command.sagaid)) continue;
      sagas.add(notes.command.sagaid);
      this.#waiting.delete(effectKey);
      const message = this.#messageOf(notes);
      if (message) messages.push(message);
    }
    return messages;
  }

  async #publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    try {
      this.#tell(await this.#options.bus.publish(messages));
    } catch {
      // The bus is closed.
    }
  }

  #tell([first]: readonly RefusedMessage[]): void {
    if (!first) return;
    this.#warn(`progress of handlers is dropped: ${first.reason}`, { code: first.code });
  }

  #warn(text: string, facts: Record<string, unknown>): void {
    if (this.#timing.now() - this.#warnedAt < WARN_MS) return;
    this.#warnedAt = this.#timing.now();
    this.#options.logger.warn(text, facts);
  }

  #messageOf(notes: Notes): OutgoingMessage | undefined {
    try {
      let value = this.#encode(notes);
      if (value.byteLength > PROGRESS_LIMITS.message) value = this.#encode(notes.withoutLogs());
      const { command } = notes;
      return { topic: this.#options.topic, key: command.sagaid, value, headers: headersOf(command) };
    } catch {
      // A getter among the metrics threw.
      return undefined;
    }
  }

  #encode(notes: Notes): Uint8Array {
    const { sagaid, step, direction, run, attempt, effectkey, worker, replytoken, traceparent } =
      notes.command;
    this.#number += 1;
    return encodeMessage({
      specversion: '1.0',
      id: `${this.#origin}/${this.#number}`,
      source: this.#options.source,
      type: PROGRESS_TYPE,
      time: new Date(this.#timing.now()).toISOString(),
      sagaid,
      step,
      direction,
      run,
      attempt,
      effectkey,
      worker,
      replytoken,
      origin: this.#origin,
      number: this.#number,
      ...(traceparent !== undefined && { traceparent }),
      data: notes.data,
    } satisfies ProgressMessage);
  }
}

const systemTiming: Timing = {
  now: () => Date.now(),
  after: (ms, run) => {
    // Nobody's process is kept alive for progress; `flush` sends what is left.
    setTimeout(run, ms).unref();
  },
};
