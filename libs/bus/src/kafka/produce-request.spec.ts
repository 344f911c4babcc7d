import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { Message } from 'kafkajs';
import type { OutgoingMessage } from '../bus.js';
import { pack, writePacked } from './produce-request.js';

const require = createRequire(import.meta.url);

interface TopicData {
  topic: string;
  partitions: { partition: number; messages: Message[]; firstSequence: number }[];
}

/** The bytes that kafkajs writes to the socket. */
async function bytesOf(version: number, topicData: TopicData[], changed: object = {}): Promise<Buffer> {
  const produce = require('kafkajs/src/protocol/requests/produce/index.js') as {
    protocol(options: object): (given: object) => { request: object };
  };
  const createRequest = require('kafkajs/src/protocol/request.js') as (
    options: object,
  ) => Promise<{ buffer: Buffer }>;
  const plain = { acks: -1, timeout: 30_000, compression: 0, producerId: -1, producerEpoch: 0 };
  const { request } = produce.protocol({ version })({ ...plain, topicData, ...changed });
  const { buffer } = await createRequest({ correlationId: 1, clientId: 'c', request });
  return buffer;
}

type Parts = { topic: string; partitions: OutgoingMessage[][] }[];

const dataOf = (parts: Parts, messagesOf: (partition: number, messages: OutgoingMessage[]) => Message[]) =>
  parts.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((messages, partition) => ({
      partition,
      messages: messagesOf(partition, messages),
      firstSequence: 0,
    })),
  }));

const asPacked = (parts: Parts) => dataOf(parts, (partition, messages) => [pack(partition, messages)]);
const asPlain = (parts: Parts) =>
  dataOf(parts, (partition, messages) =>
    messages.map(({ key, value, headers = {} }) => ({ partition, key, value: Buffer.from(value), headers })),
  );

const text = fc.oneof(fc.uuid(), fc.string({ unit: 'binary' }), fc.constant(''));
const headers = fc.oneof(fc.dictionary(text, text), fc.dictionary(text, text).map(Object.freeze));
const message = fc
  .record(
    { key: text, value: fc.uint8Array({ maxLength: 300 }), headers },
    { requiredKeys: ['key', 'value'] },
  )
  .map((fields): OutgoingMessage => ({ topic: 't', ...(fields as Omit<OutgoingMessage, 'topic'>) }));
// Over 64 and over 8,192, so that the numbers of records and bytes take one, two and three bytes.
const messages = fc.oneof(
  fc.array(message, { minLength: 1, maxLength: 5 }),
  fc.array(message, { minLength: 1, maxLength: 200, size: 'max' }),
  fc.uint8Array({ minLength: 8_000, maxLength: 9_000 }).map((value) => [{ topic: 't', key: 'k', value }]),
);
const request: fc.Arbitrary<Parts> = fc.array(
  fc.record({ topic: text, partitions: fc.array(messages, { minLength: 1, maxLength: 3 }) }),
  { minLength: 1, maxLength: 3 },
);

beforeEach(() => {
  writePacked();
  jest.spyOn(Date, 'now').mockReturnValue(1_795_000_000_123);
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a produce request', () => {
  test.each([3, 7])('of version %i has the very bytes of kafkajs', async (version) => {
    await fc.assert(
      fc.asyncProperty(request, async (parts) => {
        const ours = await bytesOf(version, asPacked(parts));
        const theirs = await bytesOf(version, asPlain(parts));
        expect(ours.equals(theirs)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('is refused when kafkajs would write what was packed itself', async () => {
    const parts = asPacked([{ topic: 't', partitions: [[{ topic: 't', key: 'k', value: Buffer.of(1) }]] }]);
    for (const changed of [{ compression: 1 }, { transactionalId: 'x' }, { producerId: 7 }])
      await expect(bytesOf(7, parts, changed)).rejects.toThrow('Packed');
    await expect(bytesOf(2, parts)).rejects.toThrow('Packed');
  });
});
