import type { Consumer, EachBatchPayload, Kafka, OffsetsByTopicPartition } from 'kafkajs';
import { PartitionProgress } from '../progress.js';
import { messageOf } from './errors.js';
import { StaleFetches } from './stale-fetches.js';
import type { Supervised } from './supervisor.js';

export interface ConsumerSettings {
  /** Milliseconds without a heartbeat after which the group gives this member's partitions away. */
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How often positions are committed, in milliseconds; undefined: never. */
  readonly commitMs: number | undefined;
  /** How long it may take to notice new partitions, in milliseconds. */
  readonly metadataMaxAgeMs: number;
}

export interface ConsumerOptions extends ConsumerSettings {
  readonly client: () => Kafka;
  readonly group: string;
  readonly topics: readonly string[];
  /** The group was joined: the partitions held before are lost, the new ones are held. */
  readonly onJoin: (consumer: GroupConsumer) => void;
  /**
   * Gets each batch with the progress to record it in, and resolves when all of it was handed out; `lost` tells whether
   * the partition was lost meanwhile. `heartbeat` is to be called while it waits, `read` when messages were handed out.
   */
  readonly onBatch: (batch: Batch) => Promise<void>;
  /** Why the consumer is of no use though it seems alive. */
  readonly probe: (consumer: GroupConsumer) => Promise<string | undefined>;
  /** Messages that are no longer outstanding. */
  readonly onReleased: (count: number) => void;
}

export interface Batch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: EachBatchPayload['batch']['messages'];
  readonly progress: PartitionProgress;
  isLost(): boolean;
  heartbeat(): Promise<void>;
  /** Everything up to this offset was handed out; the next fetch begins behind it. */
  read(offset: string): void;
}

/**
 * One kafkajs consumer from its birth to its death, of which `died` tells. It is never revived: the supervisor makes
 * another one. Holds what the group assigned to it, and commits positions in the background.
 */
export class GroupConsumer implements Supervised {
  readonly died: Promise<string>;
  readonly #options: ConsumerOptions;
  readonly #consumer: Consumer;
  readonly #fetches = new StaleFetches();
  #held = new Map<string, Map<number, PartitionProgress>>();
  #committed = new WeakMap<PartitionProgress, number>();
  #commit: ((offsets: OffsetsByTopicPartition) => Promise<void>) | undefined;
  #committing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #starting: Promise<void> = Promise.resolve();
  #joined = false;
  #stopping = false;
  #beats = 0;
  #die: (reason: string) => void = () => undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.died = new Promise((resolve) => (this.#die = resolve));
    this.#consumer = options.client().consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: 2 * options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatMs,
      // New partitions must be noticed: what they hold is for us too.
      metadataMaxAge: options.metadataMaxAgeMs,
      maxWaitTimeInMs: 500,
      maxBytes: 5 * 1024 * 1024,
      maxBytesPerPartition: 512 * 1024,
      allowAutoTopicCreation: false,
      // A crash is ours to judge: kafkajs restarts some and lets the others lie.
      retry: {
        retries: 3,
        initialRetryTime: 50,
        maxRetryTime: 1_000,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
    this.#listen();
  }

  get joined(): boolean {
    return this.#joined;
  }

  /** Grows with every sign of life of kafkajs' loop. */
  get beats(): number {
    return this.#beats;
  }

  /** How long it may be silent: a join waits for the other members. */
  get silenceMs(): number {
    return (this.#joined ? 2 : 4) * this.#options.sessionTimeoutMs;
  }

  stalled(): Promise<string | undefined> {
    return this.#options.probe(this);
  }

  /** Undefined when this member does not hold the partition. */
  progressOf(topic: string, partition: number): PartitionProgress | undefined {
    return this.#held.get(topic)?.get(partition);
  }

  held(): { topic: string; partition: number; progress: PartitionProgress }[] {
    return [...this.#held].flatMap(([topic, partitions]) =>
      [...partitions].map(([partition, progress]) => ({ topic, partition, progress })),
    );
  }

  /** Resolves when the group was joined, or the consumer died over it; rejects when the broker or a topic is absent. */
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  /** Commits, leaves the group, disconnects. May hang as kafkajs may; the caller sets the deadline. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.commit();
    this.#release();
    // kafkajs does not stop what still joins: the member would live on and hold partitions that nobody reads.
    await this.#starting.catch(() => undefined);
    await this.#consumer.disconnect();
  }

  async #start(): Promise<void> {
    await this.#consumer.connect();
    if (this.#stopping) return;
    // From the beginning, also when an offset is out of range: kafkajs would go to the end and skip what is there.
    await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    if (this.#stopping) return;
    const { commitMs } = this.#options;
    if (commitMs !== undefined) this.#timer = setInterval(() => void this.commit(), commitMs);
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // Above the number of batches in a fetch, so that none waits behind another partition's (`StaleFetches` counts on
      // it); but every fetch wakes them all, so not far above.
      partitionsConsumedConcurrently: 200,
      eachBatch: (payload) => this.#batch(payload),
    });
  }

  /** To be called in `onJoin`: reading begins here, whatever the group has committed. */
  seek(topic: string, partition: number, position: number): void {
    this.#consumer.seek({ topic, partition, offset: String(position) });
  }

  /** Commits the positions that moved. Never rejects: what is not committed is delivered again. */
  async commit(): Promise<void> {
    if (this.#options.commitMs === undefined) return;
    if (this.#committing !== undefined) await this.#committing;
    const moved = this.held().flatMap(({ topic, partition, progress }) => {
      const { position } = progress;
      const news = position !== undefined && position !== (this.#committed.get(progress) ?? -1);
      return news ? [{ topic, partition, progress, position }] : [];
    });
    if (moved.length === 0 || this.#commit === undefined) return;
    // Not `consumer.commitOffsets`: it tries again after a rejoin, with positions of partitions that others hold now.
    // This one takes the generation in the same turn as the positions, so the broker refuses them when they are stale.
    this.#committing = this.#commit({
      topics: moved.map(({ topic, partition, position }) => ({
        topic,
        partitions: [{ partition, offset: String(position) }],
      })),
    }).then(
      () => {
        for (const { progress, position } of moved) this.#committed.set(progress, position);
      },
      () => undefined,
    );
    await this.#committing;
    this.#committing = undefined;
  }

  #listen(): void {
    const { GROUP_JOIN, REBALANCING, HEARTBEAT, FETCH_START, FETCH, CRASH } = this.#consumer.events;
    const beat = () => {
      this.#beats++;
    };
    this.#consumer.on(HEARTBEAT, beat);
    this.#consumer.on(FETCH, beat);
    this.#consumer.on(FETCH_START, ({ payload }) => this.#fetches.fetchBegan(nodeOf(payload)));
    this.#consumer.on(FETCH, ({ payload }) => this.#fetches.fetchEnded(nodeOf(payload)));
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#join(payload.memberAssignment));
    // The coordinator still takes offsets now; once the others have joined it does not.
    this.#consumer.on(REBALANCING, () => void this.commit());
    this.#consumer.on(CRASH, ({ payload }) => this.#crash(messageOf(payload.error)));
  }

  #join(assignment: Record<string, number[]>): void {
    this.#beats++;
    this.#fetches.joined();
    this.#release();
    if (this.#stopping) return;
    this.#held = new Map(
      Object.entries(assignment).map(([topic, partitions]) => [
        topic,
        new Map(partitions.map((partition) => [partition, new PartitionProgress(this.#options.onReleased)])),
      ]),
    );
    this.#joined = true;
    this.#options.onJoin(this);
  }

  #crash(reason: string): void {
    this.#release();
    this.#joined = false;
    this.#die(reason);
  }

  #release(): void {
    const held = this.held();
    this.#held = new Map();
    for (const { progress } of held) progress.retire();
  }

  async #batch({
    batch,
    resolveOffset,
    heartbeat,
    commitOffsetsIfNecessary,
  }: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = batch;
    const progress = this.progressOf(topic, partition);
    if (progress === undefined || this.#stopping || this.#fetches.any) return;
    // All do the same, as this consumer is never started again. Each reaches its batch: to keep every new one costs the
    // collector a copy of all that is received.
    this.#commit ??= commitOffsetsIfNecessary;
    const isLost = () => this.#stopping || this.progressOf(topic, partition) !== progress;
    await this.#options.onBatch({
      topic,
      partition,
      messages,
      progress,
      isLost,
      heartbeat,
      read: (offset) => {
        // Behind the loss it would move the position of the next generation, past what must be delivered again.
        if (!isLost()) resolveOffset(offset);
      },
    });
    if (!isLost()) progress.readTo(Number(batch.lastOffset()) + 1);
  }
}

function nodeOf(payload: unknown): string {
  return String((payload as { nodeId?: unknown }).nodeId);
}
