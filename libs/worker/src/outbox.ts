import { setTimeout as delay } from 'node:timers/promises';
import type { Bus, Delivery, OutgoingMessage } from '@counterstep/bus';
import {
  HeartbeatTooLarge,
  heartbeatTo,
  replyTo,
  replyTooLarge,
  type Addressee,
  type Answer,
} from '@counterstep/core';
import {
  DEAD_LETTER_TYPE,
  encodeMessage,
  headersOf,
  type DeadLetter,
  type Heartbeat,
  type Reply,
  type Topics,
} from '@counterstep/protocol';
import type { WorkerLogger } from './logger.js';

const MAX_BACKOFF_MS = 5_000;
const DEAD_LETTER_EXCERPT = 64 * 1024;

/** A reply on its way, and the delivery that it answers. */
interface Answered {
  readonly to: Addressee;
  readonly message: OutgoingMessage;
  readonly delivery: Delivery;
}

/** Sends replies, heartbeats and dead letters. Every promise resolves only when the broker has confirmed the message. */
export class Outbox {
  readonly #bus: Bus;
  readonly #topics: Topics;
  readonly #source: string;
  readonly #logger: WorkerLogger;
  readonly #stopping: AbortSignal;
  #heartbeats = 0;
  /** Those of this turn, which are published together. */
  #replies: Answered[] = [];
  readonly #sending = new Set<Promise<void>>();

  constructor(bus: Bus, topics: Topics, source: string, logger: WorkerLogger, stopping: AbortSignal) {
    this.#bus = bus;
    this.#topics = topics;
    this.#source = source;
    this.#logger = logger;
    this.#stopping = stopping;
  }

  /** Acknowledges the delivery when the broker has the reply: only then may the offset pass the command. */
  reply(to: Addressee, answer: Answer, delivery: Delivery): void {
    try {
      this.#replies.push({ to, message: this.#message(to, replyTo(to, answer, this.#source)), delivery });
    } catch (error) {
      // It was JSON when it was checked.
      return this.#tellLost(error, 1);
    }
    if (this.#replies.length > 1) return;
    const sending = this.#sendReplies().finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  async #sendReplies(): Promise<void> {
    await new Promise((resolve) => process.nextTick(resolve));
    const replies = this.#replies;
    this.#replies = [];
    try {
      const refused = await this.#bus.publish(replies.map(({ message }) => message));
      const culprits = new Set(refused.map(({ message }) => message));
      const alone = replies.filter(({ message, delivery }) => {
        if (!culprits.has(message)) delivery.ack();
        return culprits.has(message);
      });
      await Promise.all(alone.map((answered) => this.#sendReply(answered)));
    } catch (error) {
      if (!this.#stopping.aborted) this.#tellLost(error, replies.length);
    }
  }

  #tellLost(error: unknown, commands: number): void {
    const facts = { commands, error: String(error) };
    this.#logger.error('commands were not answered, and will be delivered again', facts);
  }

  async #sendReply({ to, message, delivery }: Answered): Promise<void> {
    const reason = await this.#publish(message);
    if (reason !== undefined)
      await this.#publish(this.#message(to, replyTo(to, replyTooLarge(reason), this.#source)));
    delivery.ack();
  }

  /** `undefined` is no undo data. Rejects with `HeartbeatTooLarge`. */
  async heartbeat(to: Addressee, undoData: unknown): Promise<void> {
    const message = this.#message(to, heartbeatTo(to, undoData, ++this.#heartbeats, this.#source));
    const reason = await this.#publish(message);
    if (reason !== undefined) throw new HeartbeatTooLarge(reason);
  }

  async deadLetter(delivery: Delivery, code: string, message: string): Promise<void> {
    const bytes = Buffer.from(delivery.value ?? []);
    const refused = await this.#publish(this.#letterMessage(delivery, code, message, bytes));
    if (refused === undefined) return;
    // Base64 makes the message longer than it was. The reason and its beginning are worth more than nothing.
    const cut = `${message} (the first ${DEAD_LETTER_EXCERPT} of ${bytes.length} bytes are kept)`;
    await this.#publish(this.#letterMessage(delivery, code, cut, bytes.subarray(0, DEAD_LETTER_EXCERPT)));
  }

  /** Resolves to the reason when the broker will never take the message. A topic that is absent is waited for. */
  async #publish(message: OutgoingMessage): Promise<string | undefined> {
    for (let tries = 0; ; tries += 1) {
      const [refused] = await this.#bus.publish([message]);
      if (!refused) return undefined;
      if (refused.code === 'MESSAGE_TOO_LARGE') return refused.reason;
      this.#logger.warn(`waiting until ${message.topic} takes messages: ${refused.reason}`, {
        code: refused.code,
      });
      await delay(Math.min(MAX_BACKOFF_MS, 100 * 2 ** tries), undefined, { signal: this.#stopping });
    }
  }

  #message(to: Addressee, message: Reply | Heartbeat): OutgoingMessage {
    const { replies: topic } = this.#topics;
    return { topic, key: to.sagaid, value: encodeMessage(message), headers: headersOf(to) };
  }

  #letterMessage(delivery: Delivery, code: string, message: string, bytes: Buffer): OutgoingMessage {
    const letter: DeadLetter = {
      specversion: '1.0',
      id: `${delivery.topic}/${delivery.partition}/${delivery.offset}`,
      source: this.#source,
      type: DEAD_LETTER_TYPE,
      time: new Date().toISOString(),
      data: {
        code,
        message,
        topic: delivery.topic,
        partition: delivery.partition,
        offset: delivery.offset,
        key: delivery.key,
        value: bytes.toString('base64'),
      },
    };
    return {
      topic: this.#topics.deadLetters,
      key: delivery.key ?? '',
      value: encodeMessage(letter),
      headers: headersOf({}),
    };
  }
}
