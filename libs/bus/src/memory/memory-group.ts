import type { PartitionLog } from './log.js';
import type { MemoryCluster } from './memory-cluster.js';
import type { MemorySubscription } from './memory-subscription.js';

/** A consumer group: who is in it, which member holds which partition, and how far each partition is acknowledged. */
export class MemoryGroup {
  readonly #broker: MemoryCluster;
  readonly #members = new Set<MemorySubscription>();
  readonly #positions = new Map<PartitionLog, number>();

  constructor(broker: MemoryCluster) {
    this.#broker = broker;
  }

  join(member: MemorySubscription): void {
    this.#members.add(member);
    this.#rebalance();
  }

  leave(member: MemorySubscription): void {
    if (this.#members.delete(member)) this.#rebalance();
  }

  topicsChanged(): void {
    if ([...this.#members].some((member) => member.lacksTopic())) this.#rebalance();
  }

  wake(): void {
    for (const member of this.#members) member.wake();
  }

  /** Where the group stands; undefined when it never read the partition. */
  positionIn(log: PartitionLog): number | undefined {
    return this.#positions.get(log);
  }

  commit(log: PartitionLog, position: number): void {
    this.#positions.set(log, position);
    this.#broker.trim(log);
  }

  /** Eager, as Kafka's classic groups: every member starts anew at the group's position. */
  #rebalance(): void {
    const members = [...this.#members];
    const shares = new Map(members.map((member) => [member, [] as PartitionLog[]]));
    for (const topic of new Set(members.flatMap((member) => member.topics))) {
      const readers = members.filter((member) => member.topics.includes(topic));
      const logs = this.#broker.logsOf(topic) ?? [];
      for (const [at, log] of logs.entries()) {
        const reader = readers[at % readers.length];
        if (reader !== undefined) shares.get(reader)?.push(log);
        if (!this.#positions.has(log)) this.#positions.set(log, log.start);
      }
    }
    // All give up before one begins, so that no partition ever has two holders.
    for (const member of members) member.release();
    for (const [member, logs] of shares) member.assign(logs);
  }
}
