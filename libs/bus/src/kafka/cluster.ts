import { MAX_MESSAGE_BYTES } from '@counterstep/protocol';
import type { Admin, Kafka } from 'kafkajs';
import { BusClosedError, type BusLogger, type TopicSpec } from '../bus.js';
import { Backoff, within } from './backoff.js';
import { isDefinite, isUnknownTopic, messageOf, typeOf } from './errors.js';
import { SharedReads } from './shared-reads.js';

/** Where a partition's log begins and ends: the first offset that is kept, and the next one to be written. */
export interface LogEnds {
  readonly low: number;
  readonly end: number;
}

export interface ClusterOptions {
  readonly client: () => Kafka;
  readonly logger: BusLogger;
  /** For log lines and health. */
  readonly brokers: readonly string[];
  /** How often the partitions of known topics are counted anew, in milliseconds. */
  readonly refreshMs: number;
  /** Called whenever the broker answers after it did not. */
  readonly onBack: () => void;
}

const SEVEN_DAYS_MS = 7 * 24 * 60 * 60 * 1_000;
const CHECK_MS = 5_000;
/** A topic counts as absent only when a second look, so much later, does not find it either. */
const SECOND_LOOK_MS = 500;

/** What we know and ask of the cluster besides producing and consuming: topics, partitions, ends, and whether it is there. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #backoff = new Backoff(50, 2_000);
  readonly #partitions = new Map<string, number>();
  readonly #lookUps = new Map<string, Promise<number | undefined>>();
  readonly #ends = new SharedReads((topic: string) => this.#insist((admin) => readEnds(admin, topic)));
  #admin: Admin | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #problem: string | undefined = 'not connected yet';
  #warnedAt = -Infinity;
  #refreshedAt = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    void this.#check();
  }

  /** Why the broker cannot be used now; undefined when it answered last time. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The number of partitions, if it was looked up before. */
  knownPartitions(topic: string): number | undefined {
    return this.#partitions.get(topic);
  }

  /** Asks the broker, and waits for it. Undefined when there is no such topic. Rejects with `BusClosedError`. */
  lookUp(topic: string): Promise<number | undefined> {
    let lookUp = this.#lookUps.get(topic);
    if (lookUp === undefined) {
      lookUp = this.#lookUp(topic).finally(() => this.#lookUps.delete(topic));
      this.#lookUps.set(topic, lookUp);
    }
    return lookUp;
  }

  /** The ends of the topic's partitions, read after this call. Calls made while a read goes on share the next one. */
  ends(topic: string): Promise<Map<number, LogEnds>> {
    return this.#ends.read(topic);
  }

  /** The group's offsets in a topic; partitions that it never committed are absent. */
  committed(group: string, topic: string): Promise<Map<number, number>> {
    return this.#insist((admin) => readCommitted(admin, group, topic));
  }

  /** Creates what is absent. The broker decides on replicas (`-1`) and on how many of them must be in sync. */
  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#insist(async (admin) => {
      for (const { topic, partitions, retentionMs = SEVEN_DAYS_MS } of topics) {
        const configEntries = Object.entries({
          'cleanup.policy': 'delete',
          'retention.ms': String(retentionMs),
          // The broker unpacks what foreign producers send: a codec that kafkajs lacks would kill the group for ever.
          'compression.type': 'uncompressed',
          'max.message.bytes': String(MAX_MESSAGE_BYTES),
        }).map(([name, value]) => ({ name, value }));
        // One by one: kafkajs calls it a failure when only some of the topics exist.
        await admin.createTopics({
          topics: [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }],
          waitForLeaders: true,
        });
      }
    });
  }

  /** Asks again at once, if it waits to. */
  wake(): void {
    this.#backoff.wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#backoff.wake();
    const admin = this.#admin;
    this.#admin = undefined;
    if (admin !== undefined) await within(admin.disconnect(), 2_000);
  }

  async #lookUp(topic: string): Promise<number | undefined> {
    for (let look = 1; ; look++) {
      const count = await this.#insist((admin) => countPartitions(admin, topic));
      if (count !== undefined) this.#partitions.set(topic, count);
      else this.#partitions.delete(topic);
      if (count !== undefined || look === 2) return count;
      await new Promise((resolve) => setTimeout(resolve, SECOND_LOOK_MS));
    }
  }

  /** Notices an outage, and grown topics, also when nobody asks for anything. */
  async #check(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.ask((admin) => admin.connect());
      if (Date.now() - this.#refreshedAt > this.#options.refreshMs) {
        this.#refreshedAt = Date.now();
        for (const topic of this.#partitions.keys()) await this.lookUp(topic);
      }
    } catch {
      // Noted by `ask`; the next check comes soon.
    }
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => void this.#check(),
      this.#problem === undefined ? Math.min(CHECK_MS, this.#options.refreshMs) : this.#backoff.next(),
    );
    this.#timer.unref();
  }

  async #insist<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#closed) throw new BusClosedError();
      try {
        return await this.ask(question);
      } catch (error) {
        if (this.#closed) throw new BusClosedError();
        if (isDefinite(error)) throw error;
        await this.#backoff.pause();
      }
    }
  }

  /**
   * Asks once, and rejects when the broker does not answer. One question at a time: kafkajs' admin changes its metadata
   * under the feet of a second one.
   */
  ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const answer = this.#queue.then(() => this.#askNow(question));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  async #askNow<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    if (this.#closed) throw new BusClosedError();
    try {
      if (this.#admin === undefined) {
        this.#admin = this.#options.client().admin();
        await this.#admin.connect();
      }
      const answer = await question(this.#admin);
      this.#answered();
      return answer;
    } catch (error) {
      // A topic that is gone spoils the metadata of an admin for all others; a dead connection spoils it altogether.
      const spoiled = this.#admin;
      this.#admin = undefined;
      void spoiled?.disconnect().catch(() => undefined);
      // An error of the protocol is an answer; a TypeError is how kafkajs says that a topic it knew is gone.
      if (typeOf(error) !== undefined) this.#answered();
      else if (!(error instanceof TypeError)) this.#failed(error);
      throw error;
    }
  }

  #answered(): void {
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#warnedAt = -Infinity;
    this.#backoff.reset();
    this.#options.logger.info('the broker answers', { brokers: this.#options.brokers });
    this.#options.onBack();
  }

  #failed(error: unknown): void {
    this.#problem = messageOf(error);
    if (this.#closed || Date.now() - this.#warnedAt < 10_000) return;
    this.#warnedAt = Date.now();
    this.#options.logger.warn('the broker does not answer', {
      brokers: this.#options.brokers,
      reason: this.#problem,
    });
  }
}

async function countPartitions(admin: Admin, topic: string): Promise<number | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions.length;
  } catch (error) {
    if (isUnknownTopic(error)) return undefined;
    throw error;
  }
}

export async function readCommitted(
  admin: Admin,
  group: string,
  topic: string,
): Promise<Map<number, number>> {
  const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  // Below zero: none.
  const known = (offsets?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0);
  return new Map(known.map(({ partition, offset }) => [partition, Number(offset)]));
}

export async function readEnds(admin: Admin, topic: string): Promise<Map<number, LogEnds>> {
  const partitions = await admin.fetchTopicOffsets(topic);
  return new Map(
    partitions.map(({ partition, low, high }) => [partition, { low: Number(low), end: Number(high) }]),
  );
}
