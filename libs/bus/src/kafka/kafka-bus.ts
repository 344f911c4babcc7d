import type { Kafka, SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import {
  BusClosedError,
  type Bus,
  type BusHealth,
  type BusLogger,
  type OutgoingMessage,
  type RefusedMessage,
  type SubscribeOptions,
  type Subscription,
  type TopicSpec,
} from '../bus.js';
import { partitionFor } from '../partitioner.js';
import { UnknownTopicError } from '../unknown-topic.js';
import { Backoff } from './backoff.js';
import { kafkaClients } from './client.js';
import { Cluster } from './cluster.js';
import { Producer } from './producer.js';
import { KafkaSubscription } from './subscription.js';

export interface KafkaBusOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger: BusLogger;
  readonly ssl?: ConnectionOptions | boolean;
  readonly sasl?: SASLOptions;
  /** After so long without a heartbeat a dead member's partitions go to others (default 10,000 ms; brokers want 6,000). */
  readonly sessionTimeoutMs?: number;
  /** Default 1,000. */
  readonly heartbeatMs?: number;
  /** How often positions are committed (default 1,000 ms). */
  readonly commitMs?: number;
  /** How long it may take to notice new partitions (default 30,000 ms). */
  readonly metadataMaxAgeMs?: number;
  /** The waits before a dead consumer is built anew, with jitter (default 500 to 30,000 ms). */
  readonly rebuild?: { readonly firstMs: number; readonly capMs: number };
}

/** The bus on Kafka. Does not need the broker to be there when it is made. */
export class KafkaBus implements Bus {
  readonly #options: KafkaBusOptions;
  readonly #client: () => Kafka;
  readonly #cluster: Cluster;
  readonly #producer: Producer;
  readonly #subscriptions = new Set<KafkaSubscription>();
  #closing: Promise<void> | undefined;

  constructor(options: KafkaBusOptions) {
    const { brokers, logger, metadataMaxAgeMs = 30_000 } = options;
    this.#options = options;
    this.#client = kafkaClients(options);
    this.#cluster = new Cluster({
      client: this.#client,
      logger,
      brokers,
      refreshMs: metadataMaxAgeMs,
      onBack: () => this.#wake(),
    });
    this.#producer = new Producer({
      topics: this.#cluster,
      logger,
      // `idempotent` loses and doubles messages in kafkajs when a connection breaks. No retries of its own: in the second
      // try it can leave out a partition whose leader moved, and resolve.
      connect: () =>
        this.#client().producer({
          idempotent: false,
          allowAutoTopicCreation: false,
          metadataMaxAge: metadataMaxAgeMs,
          retry: { retries: 0 },
          createPartitioner:
            () =>
            ({ message }) =>
              message.partition ?? 0,
        }),
    });
  }

  publish(messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]> {
    return this.#producer.publish(messages);
  }

  subscribe(options: SubscribeOptions): Subscription {
    if (this.#closing !== undefined) throw new BusClosedError();
    const { sessionTimeoutMs = 10_000, heartbeatMs = 1_000, commitMs = 1_000, rebuild } = this.#options;
    const { metadataMaxAgeMs = 30_000 } = this.#options;
    const subscription = new KafkaSubscription({
      ...options,
      client: this.#client,
      cluster: this.#cluster,
      logger: this.#options.logger,
      backoff: new Backoff(rebuild?.firstMs ?? 500, rebuild?.capMs ?? 30_000),
      sessionTimeoutMs,
      heartbeatMs,
      commitMs,
      metadataMaxAgeMs,
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#cluster.createTopics(topics);
    // A subscription may wait for just these.
    for (const subscription of this.#subscriptions) subscription.wake();
  }

  async partitionOf(topic: string, key: string): Promise<number> {
    const partitions = this.#cluster.knownPartitions(topic) ?? (await this.#cluster.lookUp(topic));
    if (partitions === undefined) throw new UnknownTopicError(topic);
    return partitionFor(key, partitions);
  }

  health(): BusHealth {
    if (this.#closing !== undefined) return { ready: false, reason: 'the bus is closed' };
    const problems = [
      this.#cluster.problem,
      this.#producer.problem,
      ...[...this.#subscriptions].map((one) => one.problem),
    ];
    const reason = problems.filter((problem) => problem !== undefined).join('; ');
    return reason === ''
      ? { ready: true }
      : { ready: false, reason: `broker ${this.#options.brokers.join(', ')}: ${reason}` };
  }

  close({ drainMs = 5_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    await this.#producer.close(drainMs);
    await this.#cluster.close();
  }

  #wake(): void {
    this.#producer.wake();
    for (const subscription of this.#subscriptions) subscription.wake();
  }
}
