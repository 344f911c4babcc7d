import { MAX_MESSAGE_BYTES } from '@counterstep/protocol';
import type { BusHealth, OutgoingMessage, RefusedMessage, TopicSpec } from '../bus.js';
import { sizeOf } from '../message-size.js';
import { partitionFor } from '../partitioner.js';
import { FaultDice, type Later, type MemoryFaults } from './faults.js';
import { PartitionLog } from './log.js';
import { MemoryGroup } from './memory-group.js';
import type { MemoryListener } from './memory-listener.js';

export interface MemoryBrokerOptions {
  /** Overrides the number of partitions of every topic. */
  readonly partitions?: number;
  readonly faults?: MemoryFaults;
  /** Numbers in [0, 1) for the faults; `Math.random` by default. */
  readonly random?: () => number;
  /** The timer of delays and late redeliveries; `setTimeout` by default. */
  readonly later?: Later;
  /** The clock that messages are stamped by, in milliseconds of the epoch; `Date.now` by default. */
  readonly now?: () => number;
  /**
   * Messages per partition that are kept although every group acknowledged them (default 1,000), so that a group that
   * joins late starts at the earliest of them. What a known group has not acknowledged is always kept.
   */
  readonly retain?: number;
}

/** The logs and groups of a broker within the process, behind all of its clients. */
export class MemoryCluster {
  /** What goes wrong on purpose; may be changed at any time. */
  faults: MemoryFaults;
  readonly dice: FaultDice;
  readonly later: Later;
  readonly #options: MemoryBrokerOptions;
  readonly #topics = new Map<string, PartitionLog[]>();
  readonly #groups = new Map<string, MemoryGroup>();
  readonly #listeners = new Set<MemoryListener>();
  readonly #waitingForBroker = new Set<() => void>();
  #available = true;

  constructor(options: MemoryBrokerOptions = {}) {
    this.#options = options;
    this.faults = options.faults ?? {};
    this.dice = new FaultDice(options.random ?? Math.random);
    this.later = options.later ?? ((task, ms) => void setTimeout(task, ms));
  }

  get available(): boolean {
    return this.#available;
  }

  /** False is an outage: publishing waits, nothing is delivered, no client is ready. */
  set available(available: boolean) {
    this.#available = available;
    if (!available) return;
    for (const go of this.#waitingForBroker) go();
    this.#wake();
  }

  /** Calls `go` when the broker is back; the returned function gives up waiting. */
  whenAvailable(go: () => void): () => void {
    const once = () => {
      this.#waitingForBroker.delete(once);
      go();
    };
    this.#waitingForBroker.add(once);
    return () => this.#waitingForBroker.delete(once);
  }

  health(): BusHealth {
    return this.#available ? { ready: true } : { ready: false, reason: 'the memory broker is unavailable' };
  }

  createTopics(topics: readonly TopicSpec[]): void {
    for (const { topic, partitions } of topics) {
      if (this.#topics.has(topic)) continue;
      const count = this.#options.partitions ?? partitions;
      const logs = Array.from({ length: count }, (_, partition) => new PartitionLog(topic, partition));
      this.#topics.set(topic, logs);
    }
    for (const group of this.#groups.values()) group.topicsChanged();
    for (const listener of this.#listeners) listener.wake();
  }

  /** The partitions of a topic; undefined when there is no such topic. */
  logsOf(topic: string): readonly PartitionLog[] | undefined {
    return this.#topics.get(topic);
  }

  append(messages: readonly OutgoingMessage[]): RefusedMessage[] {
    const refused: RefusedMessage[] = [];
    const touched = new Set<PartitionLog>();
    for (const message of messages) {
      const logs = this.#topics.get(message.topic);
      const log = logs?.[partitionFor(message.key, logs.length)];
      const bytes = sizeOf(message);
      if (log === undefined) {
        refused.push({ message, code: 'UNKNOWN_TOPIC', reason: `there is no topic ${message.topic}` });
      } else if (bytes > MAX_MESSAGE_BYTES) {
        const reason = `${bytes} bytes are more than the ${MAX_MESSAGE_BYTES} that a topic takes`;
        refused.push({ message, code: 'MESSAGE_TOO_LARGE', reason });
      } else {
        const at = (this.#options.now ?? Date.now)();
        log.append({ key: message.key, value: message.value.slice(), headers: { ...message.headers }, at });
        touched.add(log);
      }
    }
    for (const log of touched) {
      this.trim(log);
    }
    if (touched.size > 0) this.#wake();
    return refused;
  }

  group(name: string): MemoryGroup {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = new MemoryGroup(this)));
    return group;
  }

  /** Whether the group stands at or below the first message of the key's partition that was published from `at` on. */
  isAtOrBelow(topic: string, key: string, group: string, at: number): boolean {
    const logs = this.logsOf(topic);
    const log = logs?.[partitionFor(key, logs.length)];
    const first = log?.firstSince(at);
    if (log === undefined || first === undefined) return false;
    return (this.#groups.get(group)?.positionIn(log) ?? log.start) <= first;
  }

  addListener(listener: MemoryListener): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: MemoryListener): void {
    this.#listeners.delete(listener);
  }

  trim(log: PartitionLog): void {
    let lowest = log.end;
    for (const reader of [...this.#groups.values(), ...this.#listeners]) {
      lowest = Math.min(lowest, reader.positionIn(log) ?? lowest);
    }
    log.trim(lowest, this.#options.retain ?? 1_000);
  }

  #wake(): void {
    for (const reader of [...this.#groups.values(), ...this.#listeners]) reader.wake();
  }
}
