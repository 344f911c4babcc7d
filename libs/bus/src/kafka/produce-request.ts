import { createRequire } from 'node:module';
import type { Buffer } from 'node:buffer';
import type { Message } from 'kafkajs';
import type { OutgoingMessage } from '../bus.js';
import { encodeBatch } from './record-batch.js';

/**
 * All messages of a request for one partition, as the value of a single one: kafkajs is to route them, not to look at
 * them. Its own encoder refuses it.
 */
class Packed {
  constructor(readonly packed: readonly OutgoingMessage[]) {}
}

/** What kafkajs is given for the messages of one partition. */
export function pack(partition: number, messages: readonly OutgoingMessage[]): Message {
  return { partition, value: new Packed(messages) as unknown as Buffer };
}

/** The messages in what `pack` made; undefined for any other message of kafkajs. */
export function unpack({ value }: Pick<Message, 'value'>): readonly OutgoingMessage[] | undefined {
  return (value as unknown as Partial<Packed> | null)?.packed;
}

interface Given {
  readonly acks: number;
  readonly timeout: number;
  readonly compression?: number;
  readonly transactionalId?: string | null;
  readonly producerId?: unknown;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly Message[] }[];
  }[];
}

interface Produce {
  protocol(options: { version: number }): (given: Given) => { request: { encode(): unknown } };
  [PATCHED]?: true;
}

interface Encoder {
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeString(value: string | null): Encoder;
  writeBytes(value: Buffer): Encoder;
}

const require = createRequire(import.meta.url);
const PATCHED = Symbol.for('counterstep.kafkajs.produce');

/**
 * Has kafkajs write what `pack` made as one record batch; everything else stays as it is. By itself it takes six times as
 * long, and copies the list of a partition's messages once for each of them.
 */
export function writePacked(): void {
  const produce = require('kafkajs/src/protocol/requests/produce/index.js') as Produce;
  if (produce[PATCHED]) return;
  produce[PATCHED] = true;
  const Encoder = require('kafkajs/src/protocol/encoder.js') as new () => Encoder;
  const { protocol } = produce;
  produce.protocol = ({ version }) => {
    const make = protocol({ version });
    return (given) => {
      const made = make(given);
      if (!holdsPacked(given)) return made;
      if (version < 3 || version > 7 || !isPlain(given))
        throw new TypeError('Packed messages go in plain requests of version 3 to 7');
      made.request.encode = () => encode(given, new Encoder());
      return made;
    };
  };
}

function holdsPacked({ topicData }: Given): boolean {
  const [first] = topicData[0]?.partitions[0]?.messages ?? [];
  return first !== undefined && unpack(first) !== undefined;
}

function isPlain({ compression, transactionalId, producerId }: Given): boolean {
  return !compression && !transactionalId && producerId === -1;
}

function encode({ acks, timeout, topicData }: Given, request: Encoder): Encoder {
  const now = Date.now();
  request.writeString(null).writeInt16(acks).writeInt32(timeout).writeInt32(topicData.length);
  for (const { topic, partitions } of topicData) {
    request.writeString(topic).writeInt32(partitions.length);
    for (const { partition, messages } of partitions) {
      const records = messages.flatMap((message) => unpack(message) ?? []);
      request.writeInt32(partition).writeBytes(encodeBatch(records, now));
    }
  }
  return request;
}
