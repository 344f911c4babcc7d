import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import type { BusLogger, ListenOptions, Listener, Received } from '../bus.js';
import { within, type Backoff } from './backoff.js';
import type { Cluster } from './cluster.js';
import { GroupConsumer, type Batch, type ConsumerSettings } from './consumer.js';
import { messageOf } from './errors.js';
import { headersOf } from './headers.js';
import { StallWatch } from './stall.js';
import { Supervisor } from './supervisor.js';

export interface KafkaListenerOptions extends ListenOptions, Omit<ConsumerSettings, 'commitMs'> {
  readonly client: () => Kafka;
  readonly clientId: string;
  readonly cluster: Cluster;
  readonly logger: BusLogger;
  readonly backoff: Backoff;
}

const STALLED_AFTER_PROBES = 4;
const DELETE_MS = 2_000;

/**
 * Reads every partition itself. kafkajs reads only in groups, so each consumer forms one of its own, alone and without
 * committed offsets: where it stands is remembered here, over all consumers. A group that was left behind by a crash is
 * empty after its session and holds no offsets; such groups the broker removes by itself.
 */
export class KafkaListener implements Listener {
  readonly #options: KafkaListenerOptions;
  readonly #topics: readonly string[];
  readonly #ready: Promise<void>;
  /** By partition, where the next message stands; from its beginning where there is none. */
  readonly #positions = new Map<string, number>();
  readonly #groups: string[] = [];
  #supervisor: Supervisor<GroupConsumer> | undefined;
  #heard: () => void = () => undefined;
  #closed = false;

  constructor(options: KafkaListenerOptions) {
    this.#options = options;
    this.#topics = [...new Set(options.topics)];
    this.#ready = new Promise((resolve) => (this.#heard = resolve));
    // Rejects only when the bus is closed.
    this.#begin().catch(() => undefined);
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  wake(): void {
    this.#supervisor?.wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#supervisor?.close();
    const { cluster } = this.#options;
    const groups = this.#groups.splice(0);
    if (groups.length === 0 || cluster.problem !== undefined) return;
    const deleted = cluster.ask((admin) =>
      admin.deleteGroups(groups).catch((error: unknown) => {
        // The broker may have removed some of them, or still wait for a member of another.
        if ((error as Error).name !== 'KafkaJSDeleteGroupsError') throw error;
      }),
    );
    await within(deleted, DELETE_MS);
  }

  async #begin(): Promise<void> {
    const { cluster, logger, backoff } = this.#options;
    for (const topic of this.#topics) {
      if ((await cluster.lookUp(topic)) === undefined) continue;
      for (const [partition, { end }] of await cluster.ends(topic)) {
        this.#positions.set(nameOf(topic, partition), end);
      }
    }
    if (this.#closed) return;
    this.#supervisor = new Supervisor({
      name: `the listener to ${this.#topics.join(', ')}`,
      build: () => this.#build(),
      logger,
      backoff,
    });
  }

  #build(): GroupConsumer {
    const { client, clientId, sessionTimeoutMs, heartbeatMs, metadataMaxAgeMs } = this.#options;
    const watch = new StallWatch(STALLED_AFTER_PROBES);
    // A fresh one each time: in the former one a dead member may still be waited for.
    const group = `${clientId}.listener.${randomUUID()}`;
    this.#groups.push(group);
    return new GroupConsumer({
      client,
      group,
      topics: this.#topics,
      sessionTimeoutMs,
      heartbeatMs,
      commitMs: undefined,
      metadataMaxAgeMs,
      onJoin: (consumer) => this.#joined(consumer),
      onBatch: (batch) => Promise.resolve(this.#tell(batch)),
      onReleased: () => undefined,
      probe: async (consumer) => watch.observe(await this.#probe(consumer)),
    });
  }

  #joined(consumer: GroupConsumer): void {
    for (const { topic, partition } of consumer.held()) {
      const position = this.#positions.get(nameOf(topic, partition));
      if (position !== undefined) consumer.seek(topic, partition, position);
    }
    this.#heard();
  }

  #tell(batch: Batch): void {
    const { topic, partition, messages } = batch;
    const last = messages.at(-1);
    if (last === undefined || batch.isLost() || this.#closed) return;
    this.#positions.set(nameOf(topic, partition), Number(last.offset) + 1);
    batch.read(last.offset);
    try {
      this.#options.onMessages(messages.map((message) => receivedOf(topic, partition, message)));
    } catch (error) {
      this.#options.logger.error('a listener threw', { topic, error: messageOf(error) });
    }
  }

  async #probe(consumer: GroupConsumer) {
    const ends = new Map(
      await Promise.all(
        this.#topics.map(async (topic) => [topic, await this.#options.cluster.ends(topic)] as const),
      ),
    );
    return consumer.held().flatMap(({ topic, partition }) => {
      const log = ends.get(topic)?.get(partition);
      if (log === undefined) return [];
      const name = nameOf(topic, partition);
      return [{ name, position: this.#positions.get(name) ?? log.low, end: log.end, outstanding: 0 }];
    });
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function receivedOf(topic: string, partition: number, message: Batch['messages'][number]): Received {
  const { offset, key, value, headers } = message;
  return {
    topic,
    partition,
    offset,
    key: key === null ? null : key.toString(),
    value,
    headers: headersOf(headers),
  };
}
