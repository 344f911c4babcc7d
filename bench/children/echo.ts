import net from 'node:net';
import kafkajs from 'kafkajs';
import type { Consumer, Message, Producer } from 'kafkajs';
import { readEchoConfig } from '../config.js';
import { Latencies } from './latencies.js';
import { serve } from './serve.js';

/** kafkajs alone, at its best: one side asks over one topic, the other answers over the other. No database, no sagas. */
export interface EchoOrder {
  readonly inFlight: number;
  readonly messages: number;
  /** Between an answer and the next question; none unless it is set. */
  readonly pauseMs?: number;
}

export interface EchoResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const PARTITIONS = 4;
const MOST_IN_ONE_REQUEST = 1_000;
const VALUE = Buffer.alloc(256, 'x');

const { KAFKA_BROKERS, TOPIC_PREFIX, ROLE } = readEchoConfig();
const [questions, answers] = [`${TOPIC_PREFIX}.questions`, `${TOPIC_PREFIX}.answers`];
const kafka = new kafkajs.Kafka({
  brokers: KAFKA_BROKERS.split(','),
  clientId: `bench-echo-${ROLE}`,
  logLevel: kafkajs.logLevel.NOTHING,
  socketFactory: ({ host, port, onConnect }) => net.connect({ host, port, noDelay: true }, onConnect),
});
let onMessage: (key: string, partition: number) => void = () => undefined;
const consumer = kafka.consumer({ groupId: `${TOPIC_PREFIX}.${ROLE}`, minBytes: 1, maxWaitTimeInMs: 500 });
const producer = kafka.producer({ allowAutoTopicCreation: false });

if (ROLE === 'ask') {
  const admin = kafka.admin();
  await admin.connect();
  const topics = [questions, answers].map((topic) => ({
    topic,
    numPartitions: PARTITIONS,
    replicationFactor: 1,
  }));
  await admin.createTopics({ topics, waitForLeaders: true });
  await admin.disconnect();
}
await producer.connect();
await consume(consumer, ROLE === 'ask' ? answers : questions);
const send = sender(producer, ROLE === 'ask' ? questions : answers);
if (ROLE === 'answer') onMessage = (key, partition) => send({ key, value: VALUE, partition });
process.on('SIGTERM', () => process.exit(0));
serve({ run });

async function run({ inFlight, messages, pauseMs }: EchoOrder): Promise<EchoResult> {
  const latencies = new Latencies();
  let sent = 0;
  // The key carries the time, so that nothing needs to be looked up.
  const ask = (): void => {
    if (sent < messages)
      send({ key: String(performance.now()), value: VALUE, partition: sent++ % PARTITIONS });
  };
  const from = performance.now();
  await new Promise<void>((resolve) => {
    onMessage = (key) => {
      latencies.record(performance.now() - Number(key));
      if (latencies.count === messages) resolve();
      else if (pauseMs === undefined) ask();
      else setTimeout(ask, pauseMs);
    };
    for (let i = 0; i < inFlight; i += 1) ask();
  });
  const { p50, p99 } = latencies.quantiles();
  return { perSecond: Math.round((messages / (performance.now() - from)) * 1_000), p50Ms: p50, p99Ms: p99 };
}

async function consume(from: Consumer, topic: string): Promise<void> {
  await from.connect();
  await from.subscribe({ topics: [topic], fromBeginning: true });
  const joined = new Promise((resolve) => from.on(from.events.GROUP_JOIN, resolve));
  await from.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: async ({ batch, resolveOffset }) => {
      for (const { key } of batch.messages) onMessage(key?.toString() ?? '', batch.partition);
      resolveOffset(batch.lastOffset());
    },
  });
  await joined;
}

/** One request under way at any time; what is sent meanwhile goes with the next. */
function sender(to: Producer, topic: string): (message: Message) => void {
  const waiting: Message[] = [];
  let isSending = false;
  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const messages = waiting.splice(0, MOST_IN_ONE_REQUEST);
      await to.send({ topic, acks: -1, messages });
    }
    isSending = false;
  };
  return (message) => {
    waiting.push(message);
    if (isSending) return;
    isSending = true;
    setImmediate(() => void flush());
  };
}
