/** A message as it lies in the log of a partition. */
export interface StoredMessage {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** When it was published, in milliseconds of the epoch. */
  readonly at: number;
}

/** One partition: numbered messages, the oldest of which may have been dropped. */
export class PartitionLog {
  #messages: StoredMessage[] = [];
  #start = 0;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  /** The number of the oldest message that is kept. */
  get start(): number {
    return this.#start;
  }

  /** The number that the next message gets. */
  get end(): number {
    return this.#start + this.#messages.length;
  }

  append(message: StoredMessage): void {
    this.#messages.push(message);
  }

  at(position: number): StoredMessage | undefined {
    return this.#messages[position - this.#start];
  }

  /** The number of the first message published at `at` or later; undefined when there is none. */
  firstSince(at: number): number | undefined {
    const index = this.#messages.findIndex((message) => message.at >= at);
    return index < 0 ? undefined : this.#start + index;
  }

  /** Drops what lies below `position`, except the newest `keep`. Only when it pays: shifting an array costs its length. */
  trim(position: number, keep: number): void {
    const drop = Math.min(position, this.end - keep) - this.#start;
    if (drop < Math.max(256, this.#messages.length / 2)) return;
    this.#messages = this.#messages.slice(drop);
    this.#start += drop;
  }
}
