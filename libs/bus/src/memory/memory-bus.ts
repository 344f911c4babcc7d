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
import { MemoryCluster, type MemoryBrokerOptions } from './memory-cluster.js';
import { MemoryListener } from './memory-listener.js';
import { MemorySubscription } from './memory-subscription.js';

/**
 * The bus within one process. `new MemoryBus()` has a broker of its own; `broker.connect()` makes several clients of one
 * broker. Keeps every promise of `Bus` unless faults are switched on.
 */
export class MemoryBus implements Bus {
  readonly broker: MemoryCluster;
  readonly #logger: BusLogger;
  readonly #readers = new Set<Subscription | Listener>();
  readonly #waiting = new Map<symbol, { go: () => void; abandon: () => void }>();
  #closing: Promise<void> | undefined;

  constructor(brokerOrOptions: MemoryCluster | MemoryBrokerOptions = {}, logger?: BusLogger) {
    this.broker =
      brokerOrOptions instanceof MemoryCluster ? brokerOrOptions : new MemoryCluster(brokerOrOptions);
    this.#logger = carefully(logger);
  }

  publish(messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]> {
    return this.#whenAvailable(() => this.broker.append(messages));
  }

  subscribe(options: SubscribeOptions): Subscription {
    if (this.#closing !== undefined) throw new BusClosedError();
    const subscription = new MemorySubscription(this.broker, options, this.#logger);
    this.#readers.add(subscription);
    return subscription;
  }

  listen(options: ListenOptions): Listener {
    if (this.#closing !== undefined) throw new BusClosedError();
    const listener = new MemoryListener(this.broker, options, this.#logger);
    this.#readers.add(listener);
    return listener;
  }

  isWaiting({ topic, key, group, since }: WaitingQuestion): Promise<boolean> {
    const open = this.#closing === undefined && this.broker.available;
    return Promise.resolve(open && this.broker.isAtOrBelow(topic, key, group, since - CLOCK_MARGIN_MS));
  }

  ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#whenAvailable(() => this.broker.createTopics(topics));
  }

  partitionOf(topic: string, key: string): Promise<number> {
    return this.#whenAvailable(() => {
      const logs = this.broker.logsOf(topic);
      if (logs === undefined) throw new UnknownTopicError(topic);
      return partitionFor(key, logs.length);
    });
  }

  health(): BusHealth {
    return this.#closing === undefined ? this.broker.health() : { ready: false, reason: 'the bus is closed' };
  }

  close({ drainMs = 5_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()));
    if (this.#waiting.size === 0) return;
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(resolve, drainMs);
      this.#drained = () => {
        clearTimeout(deadline);
        resolve();
      };
    });
    for (const { abandon } of this.#waiting.values()) abandon();
  }

  #drained: () => void = () => undefined;

  /** In the order of the calls: while one waits for the broker, the later ones wait behind it. */
  #whenAvailable<T>(task: () => T): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new BusClosedError());
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(task());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      if (this.broker.available) return run();
      const id = Symbol('call');
      const go = () => {
        this.#waiting.delete(id);
        run();
        if (this.#waiting.size === 0) this.#drained();
      };
      const forget = this.broker.whenAvailable(go);
      const abandon = () => {
        forget();
        this.#waiting.delete(id);
        reject(new BusClosedError());
      };
      this.#waiting.set(id, { go, abandon });
    });
  }
}
