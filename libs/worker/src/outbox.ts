import { setTimeout as delay } from 'node:timers/promises';
import type { Bus, Delivery, OutgoingMessage } from '@counterstep/bus';
import {
  DEAD_LETTER_TYPE,
  HEARTBEAT_TYPE,
  REPLY_TYPE,
  encodeMessage,
  headersOf,
  type Command,
  type DeadLetter,
  type Heartbeat,
  type Reply,
  type Topics,
} from '@counterstep/protocol';
import type { Answer } from './barrier/barrier.js';
import { HeartbeatTooLarge } from './errors.js';
import type { WorkerLogger } from './logger.js';

/** The fields of a command that a reply repeats. */
export type Addressee = Pick<
  Command,
  | 'id'
  | 'sagaid'
  | 'step'
  | 'direction'
  | 'run'
  | 'attempt'
  | 'effectkey'
  | 'worker'
  | 'replytoken'
  | 'traceparent'
>;

const MAX_ID = 400;
const MAX_BACKOFF_MS = 5_000;
const DEAD_LETTER_EXCERPT = 64 * 1024;

/** Sends replies, heartbeats and dead letters. Every promise resolves only when the broker has confirmed the message. */
export class Outbox {
  readonly #bus: Bus;
  readonly #topics: Topics;
  readonly #source: string;
  readonly #logger: WorkerLogger;
  readonly #stopping: AbortSignal;
  #heartbeats = 0;

  constructor(bus: Bus, topics: Topics, source: string, logger: WorkerLogger, stopping: AbortSignal) {
    this.#bus = bus;
    this.#topics = topics;
    this.#source = source;
    this.#logger = logger;
    this.#stopping = stopping;
  }

  async reply(to: Addressee, answer: Answer): Promise<void> {
    const refused = await this.#publish(this.#replyMessage(to, answer));
    if (refused === undefined) return;
    await this.#publish(
      this.#replyMessage(to, {
        outcome: 'failed',
        error: {
          code: 'REPLY_TOO_LARGE',
          message: `the broker refused the reply: ${refused}`.slice(0, 2_000),
        },
        retryable: false,
      }),
    );
  }

  /** `undefined` is no undo data. Rejects with `HeartbeatTooLarge`. */
  async heartbeat(to: Addressee, undoData: unknown): Promise<void> {
    const refused = await this.#publish(this.#heartbeatMessage(to, undoData));
    if (refused !== undefined) throw new HeartbeatTooLarge(refused);
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

  #replyMessage(to: Addressee, answer: Answer): OutgoingMessage {
    const reply: Reply = {
      specversion: '1.0',
      // Made from the command's, so that a reply sent again is a copy.
      id: `${to.id.slice(0, MAX_ID - '/reply'.length)}/reply`,
      source: this.#source,
      type: REPLY_TYPE,
      ...attributesOf(to),
      ...outcomeOf(answer),
    };
    return {
      topic: this.#topics.replies,
      key: to.sagaid,
      value: encodeMessage(reply),
      headers: headersOf(to),
    };
  }

  #heartbeatMessage(to: Addressee, undoData: unknown): OutgoingMessage {
    const suffix = `/heartbeat/${++this.#heartbeats}`;
    const heartbeat: Heartbeat = {
      specversion: '1.0',
      id: `${to.id.slice(0, MAX_ID - suffix.length)}${suffix}`,
      source: this.#source,
      type: HEARTBEAT_TYPE,
      ...attributesOf(to),
      data: undoData === undefined ? {} : { undoData },
    };
    return {
      topic: this.#topics.replies,
      key: to.sagaid,
      value: encodeMessage(heartbeat),
      headers: headersOf(to),
    };
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

/** What a reply and a heartbeat repeat of their command; its id they make their own from. */
function attributesOf(to: Addressee): Omit<Addressee, 'id'> {
  const { sagaid, step, direction, run, attempt, effectkey, worker, replytoken, traceparent } = to;
  const trace = traceparent === undefined ? {} : { traceparent };
  return { sagaid, step, direction, run, attempt, effectkey, worker, replytoken, ...trace };
}

function outcomeOf(answer: Answer): Pick<Reply, 'outcome' | 'data' | 'noop' | 'late' | 'refused'> {
  if (answer.outcome === 'succeeded') {
    const { output, undoData, noop, late } = answer;
    return {
      outcome: 'succeeded',
      ...(noop && { noop }),
      ...(late && { late }),
      data: {
        ...(output === undefined ? {} : { output }),
        ...(undoData === undefined ? {} : { undoData }),
      },
    };
  }
  if (answer.outcome === 'rejected') {
    return {
      outcome: 'rejected',
      ...(answer.refused && { refused: true }),
      data: { error: { ...answer.error, retryable: false } },
    };
  }
  return { outcome: 'failed', data: { error: { ...answer.error, retryable: answer.retryable } } };
}
