import type { BusLogger, Delivery, SubscribeOptions, Subscription } from '../bus.js';
import { Credit } from '../credit.js';
import { TrackedDelivery } from '../delivery.js';
import { partitionFor } from '../partitioner.js';
import { PartitionProgress } from '../progress.js';
import { copyOf } from './faults.js';
import type { PartitionLog } from './log.js';
import type { MemoryCluster } from './memory-cluster.js';
import type { MemoryGroup } from './memory-group.js';

/** One partition that this member holds. */
interface Held {
  readonly log: PartitionLog;
  readonly progress: PartitionProgress;
  /** The number of the next message to hand out. */
  next: number;
  paused: 'no' | 'pausing' | 'paused';
}

/** One member of a group in the process. Deliveries are handed over by `setImmediate`, never within a caller's stack. */
export class MemorySubscription implements Subscription {
  readonly topics: readonly string[];
  readonly #broker: MemoryCluster;
  readonly #group: MemoryGroup;
  readonly #options: SubscribeOptions;
  readonly #credit: Credit;
  readonly #logger: BusLogger;
  readonly #ready: Promise<void>;
  #held = new Map<PartitionLog, Held>();
  #joined: () => void = () => undefined;
  #scheduled = false;
  #closed = false;

  constructor(broker: MemoryCluster, options: SubscribeOptions, logger: BusLogger) {
    this.#broker = broker;
    this.#options = options;
    this.#logger = logger;
    this.topics = [...new Set(options.topics)];
    this.#credit = new Credit(options.credit ?? 5_000);
    this.#ready = new Promise((resolve) => (this.#joined = resolve));
    this.#group = broker.group(options.group);
    this.#group.join(this);
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  holds(topic: string, key: string): boolean {
    return this.#heldFor(topic, key) !== undefined;
  }

  async caughtUp(topic: string, key: string): Promise<boolean> {
    const held = this.#heldFor(topic, key);
    return held === undefined ? false : held.progress.reached(held.log.end);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.release();
    this.#group.leave(this);
    return Promise.resolve();
  }

  lacksTopic(): boolean {
    return this.topics.some((topic) => {
      const first = this.#broker.logsOf(topic)?.[0];
      return first !== undefined && ![...this.#held.keys()].some((log) => log.topic === topic);
    });
  }

  /** Gives up everything: acknowledgements of what was handed out no longer count. */
  release(): void {
    for (const { progress } of this.#held.values()) progress.retire();
    this.#held = new Map();
  }

  assign(logs: readonly PartitionLog[]): void {
    for (const log of logs) {
      const start = Math.max(this.#group.positionIn(log) ?? log.start, log.start);
      const released = (count: number) => this.#released(log, count);
      const progress = new PartitionProgress(released, start);
      this.#held.set(log, { log, progress, next: start, paused: 'no' });
    }
    if (this.topics.every((topic) => this.#broker.logsOf(topic) !== undefined)) this.#joined();
    this.wake();
  }

  wake(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#broker.available) for (const held of this.#held.values()) this.#pump(held);
    });
  }

  #heldFor(topic: string, key: string): Held | undefined {
    const logs = this.#broker.logsOf(topic);
    const log = logs?.[partitionFor(key, logs.length)];
    return log === undefined ? undefined : this.#held.get(log);
  }

  #released(log: PartitionLog, count: number): void {
    this.#credit.give(count);
    const position = this.#held.get(log)?.progress.position;
    if (position !== undefined) this.#group.commit(log, position);
    this.wake();
  }

  #pump(held: Held): void {
    const deliveries: Delivery[] = [];
    while (held.paused !== 'pausing' && this.#credit.free > 0 && held.next < held.log.end) {
      const delivery = this.#read(held);
      const fate = this.#broker.dice.fate(this.#broker.faults, held.paused === 'paused');
      if (typeof fate === 'object') {
        this.#pause(held, fate.pauseMs);
        break;
      }
      held.paused = 'no';
      held.next++;
      if (fate === 'lose') {
        held.progress.readTo(held.next);
        continue;
      }
      held.progress.handOut(delivery);
      this.#credit.take(1);
      if (fate === 'drop') this.#broker.later(() => this.#redeliver(delivery), this.#redeliverAfterMs());
      else deliveries.push(delivery);
      if (fate === 'duplicate') deliveries.push(copyOf(delivery));
    }
    this.#hand(deliveries);
  }

  #read({ log, progress, next }: Held): TrackedDelivery {
    const message = log.at(next);
    if (message === undefined) throw new Error(`no message ${next} in ${log.topic}/${log.partition}`);
    const { key, value, headers } = message;
    return new TrackedDelivery(progress, log.topic, log.partition, next, key, value.slice(), { ...headers });
  }

  #pause(held: Held, ms: number): void {
    held.paused = 'pausing';
    this.#broker.later(() => {
      held.paused = 'paused';
      this.wake();
    }, ms);
  }

  #redeliverAfterMs(): number {
    return this.#broker.faults.drop?.redeliverAfterMs ?? 0;
  }

  #redeliver(delivery: TrackedDelivery): void {
    // Settled also when the partition was lost meanwhile: then its new holder reads the message.
    if (!delivery.settled) this.#hand([delivery]);
  }

  #hand(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0 || this.#closed) return;
    try {
      this.#options.onDeliveries(deliveries);
    } catch (error) {
      this.#logger.error('a delivery handler threw; its messages stay unacknowledged', {
        group: this.#options.group,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
