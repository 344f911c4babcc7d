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

interface Line {
  readonly topic: string;
  readonly partition: number;
  messages: Outgoing[];
  head: number;
}

/** What waits to be sent: one line per partition, served in turn. */
export class Outbox {
  readonly #limits: RequestLimits;
  /** In the order of service; a line that was served moves behind the others. */
  readonly #lines = new Map<string, Line>();

  constructor(limits: RequestLimits = REQUEST_LIMITS) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  add(outgoing: Outgoing): void {
    const { partition } = outgoing;
    const { topic } = outgoing.message;
    const name = `${topic}/${partition}`;
    const line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, { topic, partition, messages: [outgoing], head: 0 });
    else line.messages.push(outgoing);
  }

  /** Puts a part that could not be sent back before what came after it. */
  putBack({ topic, partition, messages }: Part): void {
    const name = `${topic}/${partition}`;
    const line = this.#lines.get(name);
    const rest = line === undefined ? [] : line.messages.slice(line.head);
    this.#lines.set(name, { topic, partition, messages: [...messages, ...rest], head: 0 });
  }

  /** The next request, within the limits; a message that exceeds them alone goes alone. */
  take(): Part[] {
    const parts: Part[] = [];
    let count = 0;
    let bytes = 0;
    for (const [name, line] of [...this.#lines]) {
      if (count >= this.#limits.messages || bytes >= this.#limits.bytes) break;
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
      if (line.head === from) continue;
      parts.push({
        topic: line.topic,
        partition: line.partition,
        messages: line.messages.slice(from, line.head),
      });
      this.#lines.delete(name);
      if (line.head < line.messages.length) this.#lines.set(name, shortened(line));
    }
    return parts;
  }

  /** Takes everything out. */
  drain(): Outgoing[] {
    const all = [...this.#lines.values()].flatMap(({ messages, head }) => messages.slice(head));
    this.#lines.clear();
    return all;
  }

  /** Takes out what goes to a topic. */
  drainTopic(topic: string): Outgoing[] {
    const lines = [...this.#lines].filter(([, line]) => line.topic === topic);
    for (const [name] of lines) this.#lines.delete(name);
    return lines.flatMap(([, { messages, head }]) => messages.slice(head));
  }
}

function shortened(line: Line): Line {
  // Seldom, so that a long line is not copied once per request.
  if (line.head * 2 < line.messages.length) return line;
  return { ...line, messages: line.messages.slice(line.head), head: 0 };
}
