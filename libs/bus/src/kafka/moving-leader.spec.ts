import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import type { BusLogger } from '../bus.js';
import { partitionFor } from '../partitioner.js';
import { Backoff } from './backoff.js';
import { unpack } from './produce-request.js';
import { Producer, type RawProducer } from './producer.js';

const require = createRequire(import.meta.url);

const none = (): void => undefined;
const quiet: BusLogger = { debug: none, info: none, warn: none, error: none };

const message = (partition: number, text: string) => {
  let key = 0;
  while (partitionFor(`${key}`, 2) !== partition) key++;
  return { topic: 't', key: `${key}`, value: Buffer.from(text) };
};

const producerOn = (raw: RawProducer): Producer =>
  new Producer({
    connect: () => raw,
    topics: { knownPartitions: () => 2, lookUp: () => Promise.resolve(2) },
    logger: quiet,
    backoff: new Backoff(1, 5),
  });

describe('a leader that moves during a send', () => {
  test('loses nothing: what kafkajs left out is sent again', async () => {
    const raw = movingLeader(5);
    const lost = await raw.sendBatch({
      acks: -1,
      topicMessages: [
        {
          topic: 't',
          messages: [
            { partition: 0, value: 'm0' },
            { partition: 1, value: 'm1' },
          ],
        },
      ],
    });
    // The defect itself: it resolved, and m0 was never written.
    expect(lost.map(({ partition }) => partition)).toEqual([1]);

    const guarded = movingLeader(5);
    const producer = producerOn(guarded);
    expect(await producer.publish([message(0, 'm0'), message(1, 'm1')])).toEqual([]);
    expect(guarded.written).toEqual(expect.arrayContaining(['0:m0', '1:m1']));
  });

  test('loses nothing either with the retries of kafkajs off, as the bus sets them', async () => {
    const raw = movingLeader(0);
    const producer = producerOn(raw);
    expect(await producer.publish([message(0, 'm0'), message(1, 'm1')])).toEqual([]);
    expect(raw.written).toEqual(expect.arrayContaining(['0:m0', '1:m1']));
  });
});

type Make<T> = (options: object) => T;

interface TopicData {
  topic: string;
  partitions: { partition: number; messages: { value: Buffer }[] }[];
}

/**
 * A producer whose sending is kafkajs' own code, over a cluster in which broker 1 leads partition 0 until the first
 * request, which it refuses with NOT_LEADER, and broker 2 leads partition 1, and then both. Only the network is made up.
 */
function movingLeader(retries: number): RawProducer & { written: string[] } {
  const createSend = require('kafkajs/src/producer/sendMessages') as Make<RawProducer['sendBatch']>;
  const createRetry = require('kafkajs/src/retry') as Make<unknown>;
  const createEosManager = require('kafkajs/src/producer/eosManager') as Make<unknown>;
  const { KafkaJSProtocolError } = require('kafkajs/src/errors') as {
    KafkaJSProtocolError: new (facts: object) => Error;
  };

  const logger = silent();
  const written: string[] = [];
  let leaderOf: Record<number, number> = { 0: 1, 1: 2 };
  const broker = (nodeId: number) => ({
    nodeId,
    produce: async ({ topicData }: { topicData: TopicData[] }) => {
      if (nodeId === 1) {
        // Behind the other broker's answer.
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new KafkaJSProtocolError({
          type: 'NOT_LEADER_FOR_PARTITION',
          code: 6,
          retriable: true,
          message: 'moved',
        });
      }
      const topics = topicData.map(({ topic, partitions }) => ({
        topicName: topic,
        partitions: partitions.map(({ partition, messages }) => {
          for (const message of messages) {
            const values = (unpack(message) ?? [message]).map(({ value }) => Buffer.from(value).toString());
            written.push(...values.map((value) => `${partition}:${value}`));
          }
          return { partition, errorCode: 0, baseOffset: '0' };
        }),
      }));
      return { topics };
    },
  });
  const brokers: Record<number, ReturnType<typeof broker>> = { 1: broker(1), 2: broker(2) };
  const cluster = {
    targetTopics: new Set<string>(),
    isConnected: () => true,
    removeBroker: () => undefined,
    connect: () => Promise.resolve(),
    addMultipleTargetTopics: () => Promise.resolve(),
    refreshMetadataIfNecessary: () => Promise.resolve(),
    refreshMetadata: () => {
      leaderOf = { 0: 2, 1: 2 };
      return Promise.resolve();
    },
    findTopicPartitionMetadata: () =>
      [0, 1].map((partitionId) => ({ partitionId, leader: leaderOf[partitionId] })),
    findLeaderForPartitions: (_topic: string, partitions: string[]) => {
      const led: Record<number, number[]> = {};
      for (const partition of partitions.map(Number)) (led[leaderOf[partition] ?? 0] ??= []).push(partition);
      return led;
    },
    findBroker: ({ nodeId }: { nodeId: string }) => Promise.resolve(brokers[Number(nodeId)]),
  };
  const send = createSend({
    logger,
    cluster,
    partitioner: ({ message }: { message: { partition: number } }) => message.partition,
    eosManager: createEosManager({ logger, cluster, transactional: false }),
    retrier: createRetry({ initialRetryTime: 5, retries }),
  });
  return { written, connect: () => Promise.resolve(), disconnect: () => Promise.resolve(), sendBatch: send };
}

function silent(): Record<string, unknown> {
  const none = (): void => undefined;
  const logger: Record<string, unknown> = { debug: none, info: none, warn: none, error: none };
  logger['namespace'] = () => logger;
  return logger;
}
