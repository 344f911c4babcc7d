import type { RecordMetadata, TopicMessages } from 'kafkajs';
import type { OutgoingMessage } from '../bus.js';
import { pack } from './produce-request.js';

/** A message on its way, with the partition that it goes to. */
export interface Outgoing {
  readonly message: OutgoingMessage;
  readonly bytes: number;
  readonly call: Call;
  partition: number;
}

/** One call of `publish`: resolves when none of its messages is open. */
export interface Call {
  open: number;
  settle(): void;
  refuse(message: OutgoingMessage, code: string, reason: string): void;
  /** It ends with the bus, whatever is open. */
  abandon(): void;
}

/** The messages of one request for one partition, in order. */
export interface Part {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly Outgoing[];
}

/** The request as kafkajs wants it: one entry per topic (it copies when it has to merge). */
export function requestOf(parts: readonly Part[]): TopicMessages[] {
  const topics = new Map<string, TopicMessages['messages']>();
  for (const { topic, partition, messages } of parts) {
    let list = topics.get(topic);
    if (list === undefined) topics.set(topic, (list = []));
    const together = messages.map(({ message }) => message);
    list.push(pack(partition, together));
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

/**
 * The parts that the answer does not confirm. kafkajs can resolve a send in which a partition's leader moved although
 * that partition was never sent; what it leaves out of its answer has to be sent again.
 */
export function unconfirmed(parts: readonly Part[], answer: readonly RecordMetadata[]): Part[] {
  const confirmed = new Set<string>();
  for (const { topicName, partition, errorCode } of answer) {
    if (errorCode === 0) confirmed.add(`${topicName}/${partition}`);
  }
  return parts.filter(({ topic, partition }) => !confirmed.has(`${topic}/${partition}`));
}

/**
 * Two halves of a refused request, or undefined when it is one message. By partition first: the broker takes or refuses
 * the messages of one partition together, so the other partitions may well be written already.
 */
export function halves(parts: readonly Part[]): [Part[], Part[]] | undefined {
  if (parts.length > 1) {
    const middle = Math.ceil(parts.length / 2);
    return [parts.slice(0, middle), parts.slice(middle)];
  }
  const [part] = parts;
  if (part === undefined || part.messages.length < 2) return undefined;
  const middle = Math.ceil(part.messages.length / 2);
  return [
    [{ ...part, messages: part.messages.slice(0, middle) }],
    [{ ...part, messages: part.messages.slice(middle) }],
  ];
}
