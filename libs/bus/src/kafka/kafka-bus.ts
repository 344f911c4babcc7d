import type { Kafka, SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import { carefully } from '@counterstep/protocol';
import {
  BusClosedError,
  CLOCK_MARGIN_MS,
  type Bus,
  type BusHealth,
  type BusLogger,
  type ListenOptions,
  type Listener,
  type OutgoingMessage,
  type RefusedMessage,
  type SubscribeOptions,
  type Subscription,
  type TopicSpec,
  type WaitingQuestion,
} from '../bus.js';
import { partitionFor } from '../partitioner.js';
import { UnknownTopicError } from '../unknown-topic.js';
import { Backlogs, kafkaReads } from './backlog.js';
import { Backoff, within } from './backoff.js';
import { kafkaClients } from './client.js';
import { Cluster } from './cluster.js';
import { KafkaListener } from './listener.js';
import { Producer, rawProducer } from './producer.js';
import { KafkaSubscription } from './subscription.js';

export interface KafkaBusOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Default: nothing is logged. */
  readonly logger?: BusLogger;
  readonly ssl?: ConnectionOptions | boolean;
  readonly sasl?: SASLOptions;
  /** After so long without a heartbeat a dead member's partitions go to others (default 6,000 ms, the least that brokers allow as they come). */
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

/** After so long without an answer of the broker nobody can be sure of anything. */
const ANSWER_MS = 5_000;

/** The bus on Kafka. Does not need the broker to be there when it is made. */
export class KafkaBus implements Bus {
  readonly #options: KafkaBusOptions & { readonly logger: BusLogger };
  readonly #client: () => Kafka;
  readonly #cluster: Cluster;
  readonly #producer: Producer;
  readonly #backlogs: Backlogs;
  readonly #subscriptions = new Set<KafkaSubscription>();
  readonly #listeners = new Set<KafkaListener>();
  #closing: Promise<void> | undefined;

  constructor(options: KafkaBusOptions) {
    const { brokers, metadataMaxAgeMs = 30_000 } = options;
    const logger = carefully(options.logger);
    this.#options = { ...options, logger };
    this.#client = kafkaClients(this.#options);
    this.#cluster = new Cluster({
      client: this.#client,
      logger,
      brokers,
      refreshMs: metadataMaxAgeMs,
      onBack: () => this.#wake(),
    });
    this.#backlogs = new Backlogs(kafkaReads(this.#cluster));
    this.#producer = new Producer({
      topics: this.#cluster,
      logger,
      connect: () => rawProducer(this.#client(), metadataMaxAgeMs),
    });
  }

  publish(messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]> {
    return this.#producer.publish(messages);
  }

  subscribe(options: SubscribeOptions): Subscription {
    if (this.#closing !== undefined) throw new BusClosedError();
    const { commitMs = 1_000 } = this.#options;
    const subscription = new KafkaSubscription({ ...options, ...this.#consuming(), commitMs });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  listen(options: ListenOptions): Listener {
    if (this.#closing !== undefined) throw new BusClosedError();
    const { clientId } = this.#options;
    const listener = new KafkaListener({ ...options, ...this.#consuming(), clientId });
    this.#listeners.add(listener);
    return listener;
  }

  async isWaiting({ topic, key, group, since }: WaitingQuestion): Promise<boolean> {
    if (this.#cluster.problem !== undefined) return false;
    let waiting = false;
    const asked = this.partitionOf(topic, key)
      .then((partition) => this.#backlogs.isWaiting(group, topic, partition, since - CLOCK_MARGIN_MS))
      .then((answer) => (waiting = answer));
    await within(asked, ANSWER_MS);
    return waiting;
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#cluster.createTopics(topics);
    // A subscription may wait for just these.
    this.#wakeConsumers();
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
    await Promise.all([...this.#subscriptions, ...this.#listeners].map((one) => one.close()));
    await this.#producer.close(drainMs);
    await this.#cluster.close();
  }

  #wake(): void {
    this.#producer.wake();
    this.#wakeConsumers();
  }

  #wakeConsumers(): void {
    for (const consumer of [...this.#subscriptions, ...this.#listeners]) consumer.wake();
  }

  /** What every consumer is built with. */
  #consuming() {
    const { sessionTimeoutMs = 6_000, heartbeatMs = 1_000, metadataMaxAgeMs = 30_000 } = this.#options;
    const { logger, rebuild } = this.#options;
    return {
      client: this.#client,
      cluster: this.#cluster,
      logger,
      backoff: new Backoff(rebuild?.firstMs ?? 500, rebuild?.capMs ?? 30_000),
      sessionTimeoutMs,
      heartbeatMs,
      metadataMaxAgeMs,
    };
  }
}
