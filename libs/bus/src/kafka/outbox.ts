import type { Outgoing, Part } from './produce.js';

/** What one request may hold. */
export interface RequestLimits {
  readonly messages: number;
  readonly bytes: number;
  /** A topic's `max.message.bytes` bounds what one request brings to one partition, not only the single message. */
  readonly bytesPerPartition: number;
}

export const REQUEST_LIMITS: RequestLimits = {
  messages: 1_000,
  bytes: 4 * 1024 * 1024,
  bytesPerPartition: 900 * 1024,
};

/** Bytes that a record costs beside its key, value and headers, generously. */
const RECORD_OVERHEAD = 64;

/** What waits for one partition; those before `head` are taken. */
interface Line {
  readonly topic: string;
  readonly partition: number;
  messages: Outgoing[];
  head: number;
}

/** What waits to be sent: one line per partition, served in turn. */
export class Outbox {
  readonly #limits: RequestLimits;
  /** By topic and partition. They stay: a map whose entries come and go drags into old space what was in it. */
  readonly #lines = new Map<string, Line[]>();
  /** Those that are not empty, in the order of service; one that was served moves behind the others. */
  #waiting: Line[] = [];

  constructor(limits: RequestLimits = REQUEST_LIMITS) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(outgoing: Outgoing): void {
    this.#waitingLine(outgoing.message.topic, outgoing.partition).messages.push(outgoing);
  }

  /** Puts a part that could not be sent back before what came after it. */
  putBack({ topic, partition, messages }: Part): void {
    const line = this.#waitingLine(topic, partition);
    line.messages = [...messages, ...line.messages.slice(line.head)];
    line.head = 0;
  }

  /** The next request, within the limits; a message that exceeds them alone goes alone. */
  take(): Part[] {
    const parts: Part[] = [];
    const unserved: Line[] = [];
    const served: Line[] = [];
    let count = 0;
    let bytes = 0;
    for (const line of this.#waiting) {
      const from = line.head;
      let size = 0;
      for (let next = line.messages[line.head]; next !== undefined; next = line.messages[line.head]) {
        const cost = next.bytes + RECORD_OVERHEAD;
        const full = count >= this.#limits.messages || bytes + cost > this.#limits.bytes;
        if (line.head > from && size + cost > this.#limits.bytesPerPartition) break;
        if (full && count > 0) break;
        line.head++;
        count++;
        size += cost;
        bytes += cost;
      }
      if (line.head > from) parts.push(taken(line, from));
      if (line.messages.length > 0) (line.head > from ? served : unserved).push(line);
    }
    this.#waiting = [...unserved, ...served];
    return parts;
  }

  /** Takes everything out. */
  drain(): Outgoing[] {
    return this.#drain(() => true);
  }

  /** Takes out what goes to a topic. */
  drainTopic(topic: string): Outgoing[] {
    return this.#drain((line) => line.topic === topic);
  }

  #drain(which: (line: Line) => boolean): Outgoing[] {
    const lines = this.#waiting.filter(which);
    this.#waiting = this.#waiting.filter((line) => !which(line));
    return lines.flatMap((line) => {
      const messages = line.messages.slice(line.head);
      line.messages = [];
      line.head = 0;
      return messages;
    });
  }

  #waitingLine(topic: string, partition: number): Line {
    let lines = this.#lines.get(topic);
    if (lines === undefined) this.#lines.set(topic, (lines = []));
    const line = (lines[partition] ??= { topic, partition, messages: [], head: 0 });
    if (line.messages.length === 0) this.#waiting.push(line);
    return line;
  }
}

function taken(line: Line, from: number): Part {
  const { topic, partition, messages, head } = line;
  // Cut off seldom, so that a long line is not copied once per request.
  if (head * 2 >= messages.length) {
    line.messages = messages.slice(head);
    line.head = 0;
  }
  return { topic, partition, messages: messages.slice(from, head) };
}
