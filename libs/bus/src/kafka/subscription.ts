import type { Kafka } from 'kafkajs';
import type { BusLogger, Delivery, SubscribeOptions, Subscription } from '../bus.js';
import { Credit } from '../credit.js';
import { TrackedDelivery } from '../delivery.js';
import { partitionFor } from '../partitioner.js';
import type { PartitionProgress } from '../progress.js';
import type { Backoff } from './backoff.js';
import type { Cluster } from './cluster.js';
import { GroupConsumer, type Batch, type ConsumerSettings } from './consumer.js';
import { messageOf } from './errors.js';
import { headersOf } from './headers.js';
import { StallWatch, type Probe } from './stall.js';
import { Supervisor } from './supervisor.js';

export interface KafkaSubscriptionOptions extends SubscribeOptions, ConsumerSettings {
  readonly client: () => Kafka;
  readonly cluster: Cluster;
  readonly logger: BusLogger;
  readonly backoff: Backoff;
}

const STALLED_AFTER_PROBES = 4;

/** A member of a group that outlives its kafkajs consumers. */
export class KafkaSubscription implements Subscription {
  readonly #options: KafkaSubscriptionOptions;
  readonly #credit: Credit;
  readonly #ready: Promise<void>;
  readonly #supervisor: Supervisor<GroupConsumer>;
  #joined: () => void = () => undefined;
  #closed = false;

  constructor(options: KafkaSubscriptionOptions) {
    this.#options = options;
    this.#credit = new Credit(options.credit ?? 5_000);
    this.#ready = new Promise((resolve) => (this.#joined = resolve));
    this.#supervisor = new Supervisor({
      name: `the consumer of group ${options.group}`,
      build: () => this.#build(),
      logger: options.logger,
      backoff: options.backoff,
    });
  }

  /** Why nothing is delivered now; undefined while the group is joined. */
  get problem(): string | undefined {
    if (this.#supervisor.current?.joined === true) return undefined;
    return `group ${this.#options.group} is not joined: ${this.#supervisor.problem ?? 'joining'}`;
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  holds(topic: string, key: string): boolean {
    return this.#progressFor(topic, key) !== undefined;
  }

  async caughtUp(topic: string, key: string): Promise<boolean> {
    if (!this.holds(topic, key)) return false;
    const { cluster } = this.#options;
    const ends = await cluster.ends(topic).catch(() => undefined);
    const partition = this.#partitionFor(topic, key);
    const log = partition === undefined ? undefined : ends?.get(partition);
    if (log === undefined) return false;
    // Once more when the partition was kept over a rejoin.
    for (let progress = this.#progressFor(topic, key); progress !== undefined;) {
      await this.#locate(topic, partition ?? 0, progress, log.low);
      if (await progress.reached(log.end)) return true;
      progress = this.#progressFor(topic, key);
    }
    return false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#credit.wake();
    await this.#supervisor.close();
  }

  wake(): void {
    this.#supervisor.wake();
  }

  #partitionFor(topic: string, key: string): number | undefined {
    const partitions = this.#options.cluster.knownPartitions(topic);
    return partitions === undefined ? undefined : partitionFor(key, partitions);
  }

  #progressFor(topic: string, key: string): PartitionProgress | undefined {
    const partition = this.#partitionFor(topic, key);
    if (this.#closed || partition === undefined) return undefined;
    return this.#supervisor.current?.progressOf(topic, partition);
  }

  #build(): GroupConsumer {
    const { client, cluster, group, topics, sessionTimeoutMs, heartbeatMs, commitMs, metadataMaxAgeMs } =
      this.#options;
    const watch = new StallWatch(STALLED_AFTER_PROBES);
    return new GroupConsumer({
      client,
      group,
      topics,
      sessionTimeoutMs,
      heartbeatMs,
      commitMs,
      metadataMaxAgeMs,
      onBatch: (batch) => this.#hand(batch),
      probe: async (consumer) =>
        this.#credit.free > 0 ? watch.observe(await this.#probe(consumer)) : undefined,
      onReleased: (count) => this.#credit.give(count),
      onJoin: () => {
        // `holds` needs the partition counts.
        void Promise.all(topics.map((topic) => cluster.lookUp(topic))).then(this.#joined, () => undefined);
      },
    });
  }

  /** Hands out as much as the credit allows; what is left waits here, with heartbeats, and kafkajs fetches no more. */
  async #hand(batch: Batch): Promise<void> {
    const { messages } = batch;
    for (let at = 0; at < messages.length;) {
      if (this.#credit.free <= 0) {
        await Promise.race([this.#credit.change(), after(this.#options.heartbeatMs)]);
        if (batch.isLost()) return;
        await batch.heartbeat();
        continue;
      }
      if (batch.isLost() || this.#closed) return;
      const some = messages.slice(at, at + this.#credit.free);
      at += some.length;
      const deliveries = some.map((message) => deliveryOf(batch, message));
      for (const delivery of deliveries) batch.progress.handOut(delivery);
      this.#credit.take(deliveries.length);
      const last = some.at(-1);
      if (last !== undefined) batch.read(last.offset);
      this.#tell(deliveries);
    }
  }

  #tell(deliveries: readonly Delivery[]): void {
    try {
      this.#options.onDeliveries(deliveries);
    } catch (error) {
      // kafkajs would bury the consumer for a TypeError, and deliver again without end for another one.
      this.#options.logger.error('a delivery handler threw; its messages stay unacknowledged', {
        group: this.#options.group,
        error: messageOf(error),
      });
    }
  }

  /** Finds out where the group stands in a partition of which nothing was read yet. */
  async #locate(topic: string, partition: number, progress: PartitionProgress, low: number): Promise<void> {
    if (progress.position === undefined) {
      const committed = await this.#options.cluster
        .committed(this.#options.group, topic)
        .catch(() => undefined);
      if (committed === undefined) return;
      progress.startAt(committed.get(partition) ?? low);
    }
    // Below its beginning the log holds nothing: retention has passed the position.
    progress.readTo(low);
  }

  async #probe(consumer: GroupConsumer): Promise<Probe[]> {
    const probes: Probe[] = [];
    for (const topic of new Set(consumer.held().map((one) => one.topic))) {
      const ends = await this.#options.cluster.ends(topic);
      for (const { partition, progress } of consumer.held().filter((one) => one.topic === topic)) {
        const log = ends.get(partition);
        if (log === undefined) continue;
        await this.#locate(topic, partition, progress, log.low);
        const { position = log.low, outstanding } = progress;
        probes.push({ name: `${topic}/${partition}`, position, end: log.end, outstanding });
      }
    }
    return probes;
  }
}

function deliveryOf(
  { topic, partition, progress }: Batch,
  message: Batch['messages'][number],
): TrackedDelivery {
  const { offset, key, value, headers } = message;
  return new TrackedDelivery(
    progress,
    topic,
    partition,
    Number(offset),
    key === null ? null : key.toString(),
    value,
    headersOf(headers),
  );
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
