import type { BusLogger, ListenOptions, Listener, Received } from '../bus.js';
import type { PartitionLog } from './log.js';
import type { MemoryCluster } from './memory-cluster.js';

/** Reads its topics from where they end when it begins; one that is made later from its beginning. Faults spare it. */
export class MemoryListener implements Listener {
  readonly #broker: MemoryCluster;
  readonly #options: ListenOptions;
  readonly #logger: BusLogger;
  readonly #ready: Promise<void>;
  readonly #positions = new Map<PartitionLog, number>();
  #heard: () => void = () => undefined;
  #scheduled = false;
  #closed = false;

  constructor(broker: MemoryCluster, options: ListenOptions, logger: BusLogger) {
    this.#broker = broker;
    this.#options = options;
    this.#logger = logger;
    this.#ready = new Promise((resolve) => (this.#heard = resolve));
    for (const log of this.#logs()) this.#positions.set(log, log.end);
    broker.addListener(this);
    this.wake();
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#broker.removeListener(this);
    return Promise.resolve();
  }

  /** Undefined for a log that is not listened to. */
  positionIn(log: PartitionLog): number | undefined {
    if (!this.#options.topics.includes(log.topic)) return undefined;
    return this.#positions.get(log) ?? log.start;
  }

  wake(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed || !this.#broker.available) return;
      for (const log of this.#logs()) this.#tell(log);
      if (this.#options.topics.every((topic) => this.#broker.logsOf(topic) !== undefined)) this.#heard();
    });
  }

  #logs(): PartitionLog[] {
    return [...new Set(this.#options.topics)].flatMap((topic) => this.#broker.logsOf(topic) ?? []);
  }

  #tell(log: PartitionLog): void {
    const messages: Received[] = [];
    let position = Math.max(this.#positions.get(log) ?? log.start, log.start);
    for (let message = log.at(position); message !== undefined; message = log.at(++position)) {
      const { key, value, headers } = message;
      const { topic, partition } = log;
      const offset = String(position);
      messages.push({ topic, partition, offset, key, value: value.slice(), headers: { ...headers } });
    }
    this.#positions.set(log, position);
    if (messages.length === 0) return;
    try {
      this.#options.onMessages(messages);
    } catch (error) {
      this.#logger.error('a listener threw', {
        topic: log.topic,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
