import { describe, expect, test } from '@jest/globals';
import type { Message, ProducerConfig, RecordMetadata, TopicMessages } from 'kafkajs';
import { BusClosedError, type BusLogger, type OutgoingMessage } from '../bus.js';
import { partitionFor } from '../partitioner.js';
import { Backoff } from './backoff.js';
import { unpack } from './produce-request.js';
import { Producer, rawProducer, type RawProducer } from './producer.js';

const quiet: BusLogger = { debug: none, info: none, warn: none, error: none };
function none(): void {}

const failure = (type: string): Error => Object.assign(new Error(`the broker says ${type}`), { type });
const message = (key: string, text: string, topic = 't'): OutgoingMessage => ({
  topic,
  key,
  value: Buffer.from(text),
});
const keyFor = (partition: number): string => {
  for (let i = 0; ; i++) if (partitionFor(`k${i}`, 2) === partition) return `k${i}`;
};

type Answer = (request: TopicMessages[], number: number) => RecordMetadata[] | Promise<RecordMetadata[]>;

/** A broker at the border of kafkajs: `answer` decides about each request; what it confirms counts as written. */
function brokerThat(answer: Answer) {
  const seen = {
    requests: [] as string[][],
    /** What was said of each request beside its messages. */
    told: [] as object[],
    producers: 0,
    inFlight: 0,
    mostInFlight: 0,
    written: [] as string[],
  };
  const connect = (): RawProducer => {
    seen.producers++;
    return {
      connect: () => Promise.resolve(),
      disconnect: () => Promise.resolve(),
      sendBatch: async ({ topicMessages, ...told }) => {
        seen.told.push(told);
        const texts = topicMessages.flatMap(({ messages }) => messages.flatMap(textsIn));
        seen.mostInFlight = Math.max(seen.mostInFlight, ++seen.inFlight);
        seen.requests.push(texts);
        try {
          await new Promise((resolve) => setImmediate(resolve));
          const metadata = await answer(topicMessages, seen.requests.length);
          const confirmed = new Set(metadata.map(({ topicName, partition }) => `${topicName}/${partition}`));
          for (const { topic, messages } of topicMessages) {
            for (const packed of messages) {
              if (confirmed.has(`${topic}/${packed.partition}`)) seen.written.push(...textsIn(packed));
            }
          }
          return metadata;
        } finally {
          seen.inFlight--;
        }
      },
    };
  };
  return { seen, connect };
}

function textsIn(packed: Message): string[] {
  return (unpack(packed) ?? []).map(({ value }) => String(value));
}

/** Confirms everything. */
function all(request: TopicMessages[]): RecordMetadata[] {
  return request.flatMap(({ topic, messages }) =>
    [...new Set(messages.map(({ partition }) => partition ?? -1))].map((partition) => ({
      topicName: topic,
      partition,
      errorCode: 0,
    })),
  );
}

const topics = (known: Record<string, number>) => ({
  knownPartitions: (topic: string) => known[topic],
  lookUp: (topic: string) => Promise.resolve(known[topic]),
});

const producerOn = (connect: () => RawProducer, known: Record<string, number> = { t: 2 }): Producer =>
  new Producer({ connect, topics: topics(known), logger: quiet, backoff: new Backoff(1, 5) });

describe('the producer', () => {
  test('does not confirm a partition that the answer reports with an error', async () => {
    const broken = (request: TopicMessages[]) => all(request).map((one) => ({ ...one, errorCode: 3 }));
    const { seen, connect } = brokerThat((request, number) =>
      number === 1 ? broken(request) : all(request),
    );
    await producerOn(connect).publish([message('a', '1')]);
    expect(seen.requests).toEqual([['1'], ['1']]);
  });

  test('has one request in flight; the calls made meanwhile share the next', async () => {
    const { seen, connect } = brokerThat(all);
    const producer = producerOn(connect, { t: 2, u: 2 });
    const first = producer.publish([message('a', 'first')]);
    await new Promise((resolve) => setImmediate(resolve));
    const rest = Array.from({ length: 50 }, (_, i) =>
      producer.publish([message(`k${i}`, `${i}`, i % 2 ? 't' : 'u')]),
    );
    await Promise.all([first, ...rest]);
    expect(seen.mostInFlight).toBe(1);
    expect(seen.requests.map((request) => request.length)).toEqual([1, 50]);
  });

  test('asks all replicas in sync to confirm, and compresses nothing, in repeats too', async () => {
    const { seen, connect } = brokerThat((request, number) => {
      if (number === 1) throw new Error('connection lost');
      return all(request);
    });
    await producerOn(connect).publish([message('a', '1')]);
    expect(seen.told).toEqual([{ acks: -1 }, { acks: -1 }]);
  });

  test('keeps the order of a key over failures', async () => {
    const { seen, connect } = brokerThat((request, number) => {
      if (number === 1) throw new Error('connection lost');
      if (number === 2) return all(request).filter(({ partition }) => partition === 0);
      if (number === 3) throw failure('REQUEST_TIMED_OUT');
      return all(request);
    });
    const producer = producerOn(connect);
    const keys = [keyFor(0), keyFor(1)];
    const calls = Array.from({ length: 20 }, (_, i) =>
      producer.publish([message(keys[i % 2] ?? '', `${i}`)]),
    );
    await Promise.all(calls);
    const numbers = seen.written.map(Number);
    for (const odd of [0, 1]) {
      const ofKey = numbers.filter((number) => number % 2 === odd);
      expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
      expect(ofKey).toHaveLength(10);
    }
  });

  test('takes a new kafkajs producer after an error that leaves open what was written', async () => {
    const { seen, connect } = brokerThat((request, number) => {
      if (number === 1) throw new Error('connection lost');
      if (number === 2) throw failure('NOT_LEADER_FOR_PARTITION');
      return all(request);
    });
    await producerOn(connect).publish([message('a', '1')]);
    expect(seen.requests).toHaveLength(3);
    expect(seen.producers).toBe(2);
  });

  test('finds the one message that the broker refuses, and sends the rest once more at most', async () => {
    const { seen, connect } = brokerThat((request) => {
      const texts = request.flatMap(({ messages }) => messages.flatMap(textsIn));
      if (texts.includes('culprit')) throw failure('INVALID_RECORD');
      return all(request);
    });
    const culprit = message(keyFor(1), 'culprit');
    const good = Array.from({ length: 300 }, (_, i) => message(keyFor(i % 2), `${i}`));
    const refused = await producerOn(connect).publish([...good.slice(0, 77), culprit, ...good.slice(77)]);
    expect(refused.map(({ message: one, code }) => [one, code])).toEqual([[culprit, 'INVALID_RECORD']]);
    expect([...seen.written].sort()).toEqual(good.map(({ value }) => String(value)).sort());
    const odd = seen.written.map(Number).filter((number) => number % 2 === 1);
    expect(odd).toEqual([...odd].sort((a, b) => a - b));
  });

  test('after a failure among the halves, later messages do not overtake', async () => {
    let failed = false;
    const { seen, connect } = brokerThat((request) => {
      const texts = request.flatMap(({ messages }) => messages.flatMap(textsIn));
      if (texts.includes('9')) throw failure('MESSAGE_TOO_LARGE');
      if (!failed && texts.includes('0')) {
        failed = true;
        throw failure('REQUEST_TIMED_OUT');
      }
      return all(request);
    });
    const ten = Array.from({ length: 10 }, (_, i) => message(keyFor(0), `${i}`));
    const refused = await producerOn(connect).publish(ten);
    expect(refused.map(({ message: { value } }) => String(value))).toEqual(['9']);
    expect(seen.written).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8']);
  });

  test('refuses the messages of a topic that is gone, and no others', async () => {
    const known: Record<string, number> = { t: 2, gone: 1 };
    const { seen, connect } = brokerThat((request) => {
      if (request.some(({ topic }) => topic === 'gone')) throw failure('UNKNOWN_TOPIC_OR_PARTITION');
      return all(request);
    });
    const producer = producerOn(connect, known);
    const call = producer.publish([message('a', '1'), message('a', 'x', 'gone'), message('b', '2')]);
    delete known['gone'];
    const refused = await call;
    expect(refused.map(({ message: { topic }, code }) => [topic, code])).toEqual([['gone', 'UNKNOWN_TOPIC']]);
    expect([...seen.written].sort()).toEqual(['1', '2']);
    // The former one would ask for the topic that is gone whenever it refreshes its metadata, and fail for all.
    expect(seen.producers).toBe(2);
  });

  test('a topic that is being looked up holds up no other, and keeps its order', async () => {
    const { seen, connect } = brokerThat(all);
    let found: (partitions: number) => void = none;
    const producer = new Producer({
      connect,
      logger: quiet,
      backoff: new Backoff(1, 5),
      topics: {
        knownPartitions: (topic) => (topic === 't' ? 2 : undefined),
        lookUp: () => new Promise((resolve) => (found = resolve)),
      },
    });
    const slow = [producer.publish([message('a', '1', 'new')]), producer.publish([message('a', '2', 'new')])];
    await producer.publish([message('a', 'quick')]);
    expect(seen.written).toEqual(['quick']);
    found(1);
    await Promise.all(slow);
    expect(seen.written).toEqual(['quick', '1', '2']);
  });

  test('closing waits for what is under way, then rejects the rest', async () => {
    const { connect } = brokerThat(all);
    const producer = producerOn(connect);
    const call = producer.publish([message('a', '1')]);
    await producer.close(1_000);
    expect(await call).toEqual([]);

    const deaf = new Producer({
      connect: () => ({
        connect: () => new Promise<void>(none),
        disconnect: () => new Promise<void>(none),
        sendBatch: () => new Promise<RecordMetadata[]>(none),
      }),
      topics: {
        knownPartitions: (topic) => (topic === 't' ? 2 : undefined),
        lookUp: () => new Promise<number>(none),
      },
      logger: quiet,
    });
    const lost = (topic: string) => deaf.publish([message('a', '1', topic)]).catch((error: unknown) => error);
    const sent = lost('t');
    await new Promise((resolve) => setImmediate(resolve));
    const calls = Promise.all([sent, lost('t'), lost('new')]);
    await deaf.close(10);
    for (const error of await calls) expect(error).toBeInstanceOf(BusClosedError);
    await expect(deaf.publish([message('a', '2')])).rejects.toBeInstanceOf(BusClosedError);
  });
});

test('kafkajs is told to try nothing by itself: neither a second time, nor to be idempotent, nor to make topics', () => {
  const told: ProducerConfig = {};
  rawProducer({ producer: (config) => Object.assign(told, config) as never }, 30_000);
  expect(told).toMatchObject({
    idempotent: false,
    retry: { retries: 0 },
    allowAutoTopicCreation: false,
    metadataMaxAge: 30_000,
  });
  expect(told).not.toHaveProperty('transactionalId');
});
