import { MAX_MESSAGE_BYTES } from '@counterstep/protocol';
import type { Kafka, RecordMetadata, TopicMessages } from 'kafkajs';
import { BusClosedError, type BusLogger, type OutgoingMessage, type RefusedMessage } from '../bus.js';
import { sizeOf } from '../message-size.js';
import { partitionFor } from '../partitioner.js';
import { Backoff, within } from './backoff.js';
import { isUnknownTopic, messageOf, refusalOf, typeOf } from './errors.js';
import { Outbox } from './outbox.js';
import { halves, requestOf, unconfirmed, type Call, type Outgoing, type Part } from './produce.js';

/** What the producer uses of kafkajs'. */
export interface RawProducer {
  connect(): Promise<void>;
  sendBatch(request: { acks: number; topicMessages: TopicMessages[] }): Promise<RecordMetadata[]>;
  disconnect(): Promise<void>;
}

/** What the producer asks about topics. */
export interface TopicsKnown {
  knownPartitions(topic: string): number | undefined;
  lookUp(topic: string): Promise<number | undefined>;
}

export interface ProducerOptions {
  readonly connect: () => RawProducer;
  readonly topics: TopicsKnown;
  readonly logger: BusLogger;
  readonly backoff?: Backoff;
}

/**
 * `idempotent` loses and doubles messages in kafkajs when a connection breaks. No retries of its own: in the second try it
 * can leave out a partition whose leader moved, and resolve.
 */
export function rawProducer(client: Pick<Kafka, 'producer'>, metadataMaxAge: number): RawProducer {
  return client.producer({
    idempotent: false,
    allowAutoTopicCreation: false,
    metadataMaxAge,
    retry: { retries: 0 },
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
}

/** Publishes with one request in flight, which carries all topics and partitions; what comes meanwhile shares the next. */
export class Producer {
  readonly #options: ProducerOptions;
  readonly #backoff: Backoff;
  readonly #outbox = new Outbox();
  /** Messages of topics whose partitions are being looked up, in order. */
  readonly #lookedUp = new Map<string, Outgoing[]>();
  /** What `#run` has in hand. */
  #sending: readonly Part[] = [];
  /** Calls that have not ended; they are found by their messages. */
  #open = 0;
  #raw: RawProducer | undefined;
  #running = false;
  #problem: string | undefined;
  #state: 'open' | 'draining' | 'closed' = 'open';
  #toldAt = -Infinity;
  #drained: () => void = () => undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff(50, 5_000);
  }

  /** Why messages wait; undefined when they do not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]> {
    if (this.#state !== 'open') return Promise.reject(new BusClosedError());
    if (messages.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const refused: RefusedMessage[] = [];
      const call: Call = {
        open: messages.length,
        settle: () => {
          if (--call.open > 0) return;
          resolve(refused);
          if (--this.#open === 0) this.#drained();
        },
        refuse: (message, code, reason) => {
          refused.push({ message, code, reason });
          call.settle();
        },
        abandon: () => reject(new BusClosedError()),
      };
      this.#open++;
      for (const message of messages) this.#accept(message, call);
      this.#start();
    });
  }

  /** Sends again at once, if it waits to. */
  wake(): void {
    this.#backoff.wake();
  }

  async close(drainMs: number): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    if (this.#open > 0) {
      await within(new Promise<void>((resolve) => (this.#drained = resolve)), drainMs);
    }
    this.#state = 'closed';
    this.#backoff.wake();
    const sending = this.#sending.flatMap(({ messages }) => messages);
    const left = [...sending, ...this.#outbox.drain(), ...[...this.#lookedUp.values()].flat()];
    for (const { call } of left) call.abandon();
    await this.#discard();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #accept(message: OutgoingMessage, call: Call): void {
    const bytes = sizeOf(message);
    if (bytes > MAX_MESSAGE_BYTES) {
      const reason = `${bytes} bytes are more than the ${MAX_MESSAGE_BYTES} that a topic takes`;
      return call.refuse(message, 'MESSAGE_TOO_LARGE', reason);
    }
    this.#enqueue({ message, bytes, call, partition: -1 });
  }

  #enqueue(outgoing: Outgoing): void {
    const { topic, key } = outgoing.message;
    const waiting = this.#lookedUp.get(topic);
    if (waiting !== undefined) return void waiting.push(outgoing);
    const partitions = this.#options.topics.knownPartitions(topic);
    if (partitions === undefined) return this.#lookUp(topic, [outgoing]);
    outgoing.partition = partitionFor(key, partitions);
    this.#outbox.add(outgoing);
  }

  /** Asks for the topic's partitions while the other topics go on; refuses its messages if there is no such topic. */
  #lookUp(topic: string, first: readonly Outgoing[]): void {
    const waiting = [...first];
    this.#lookedUp.set(topic, waiting);
    const end = (partitions: number | undefined, code: string, reason: string) => {
      this.#lookedUp.delete(topic);
      if (this.#isClosed()) return;
      for (const outgoing of waiting) {
        if (partitions === undefined) outgoing.call.refuse(outgoing.message, code, reason);
        else {
          outgoing.partition = partitionFor(outgoing.message.key, partitions);
          this.#outbox.add(outgoing);
        }
      }
      this.#start();
    };
    this.#options.topics.lookUp(topic).then(
      (partitions) => end(partitions, 'UNKNOWN_TOPIC', `there is no topic ${topic}`),
      (error: unknown) => end(undefined, refusalOf(error) ?? 'UNKNOWN_TOPIC', messageOf(error)),
    );
  }

  #start(): void {
    if (this.#running || this.#outbox.isEmpty) return;
    this.#running = true;
    // Not within the caller's stack: calls of the same turn share the request.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (!this.#outbox.isEmpty && !this.#isClosed()) {
      this.#sending = this.#outbox.take();
      const left = await this.#send(this.#sending);
      if (left.length === 0) continue;
      for (const part of left.reverse()) this.#outbox.putBack(part);
      if (!this.#isClosed()) await this.#backoff.pause();
    }
    this.#sending = [];
    this.#running = false;
  }

  /** Sends the parts, in halves if need be, and returns those that have to be sent again later. */
  async #send(parts: readonly Part[]): Promise<Part[]> {
    let missing: Part[];
    try {
      const raw = await this.#connected();
      missing = unconfirmed(parts, await raw.sendBatch({ acks: -1, topicMessages: requestOf(parts) }));
    } catch (error) {
      return this.#failed(parts, error);
    }
    for (const part of parts)
      if (!missing.includes(part)) for (const { call } of part.messages) call.settle();
    if (missing.length === 0) {
      this.#problem = undefined;
      this.#backoff.reset();
    } else {
      this.#tell('kafkajs left partitions out of a produce request; they are sent again', missing);
    }
    return missing;
  }

  async #failed(parts: readonly Part[], error: unknown): Promise<Part[]> {
    const code = refusalOf(error);
    if (code !== undefined) {
      const split = halves(parts);
      if (split !== undefined) {
        const left = await this.#send(split[0]);
        // Not the second half then: it would overtake messages of the same keys.
        return left.length > 0 ? [...left, ...split[1]] : this.#send(split[1]);
      }
      for (const { messages } of parts) {
        for (const { call, message } of messages) call.refuse(message, code, messageOf(error));
      }
      return [];
    }
    this.#problem = messageOf(error);
    this.#tell('publishing failed; trying again', parts);
    // Whether it was written is not known, or this producer's metadata hold a topic that is gone: start afresh.
    if (typeOf(error) === undefined || isUnknownTopic(error)) await this.#discard();
    if (!isUnknownTopic(error)) return [...parts];
    await this.#backoff.pause();
    for (const topic of new Set(parts.map((part) => part.topic))) {
      const messages = parts.filter((part) => part.topic === topic).flatMap((part) => part.messages);
      this.#lookUp(topic, [...messages, ...this.#outbox.drainTopic(topic)]);
    }
    return [];
  }

  async #connected(): Promise<RawProducer> {
    if (this.#raw !== undefined) return this.#raw;
    const raw = this.#options.connect();
    try {
      await raw.connect();
    } catch (error) {
      void raw.disconnect().catch(() => undefined);
      throw error;
    }
    this.#raw = raw;
    return raw;
  }

  async #discard(): Promise<void> {
    const raw = this.#raw;
    this.#raw = undefined;
    if (raw !== undefined) await within(raw.disconnect(), 1_000);
  }

  #tell(text: string, parts: readonly Part[]): void {
    if (Date.now() - this.#toldAt < 10_000) return;
    this.#toldAt = Date.now();
    const messages = parts.reduce((sum, part) => sum + part.messages.length, 0);
    this.#options.logger.warn(text, { messages, reason: this.#problem });
  }
}
