import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { KafkaBus, partitionFor, type BusLogger, type Delivery } from '@counterstep/bus';
// eslint-disable-next-line no-restricted-imports -- this test plays the foreign clients and the operator of the broker
import kafkajs, { type Admin } from 'kafkajs';
import { kafkaBrokers } from '../support/kafka.js';
import { waitFor } from '../support/wait-for.js';

const none = (): void => undefined;
const quiet: BusLogger = { debug: none, info: none, warn: none, error: none };

let admin: Admin;
let topic: string;
const buses: KafkaBus[] = [];

const raw = () =>
  new kafkajs.Kafka({ brokers: [kafkaBrokers()], clientId: 'test', logLevel: kafkajs.logLevel.NOTHING });

function bus(): KafkaBus {
  const made = new KafkaBus({
    brokers: [kafkaBrokers()],
    clientId: 'guards',
    logger: quiet,
    sessionTimeoutMs: 6_000,
    heartbeatMs: 250,
    commitMs: 100,
    metadataMaxAgeMs: 500,
    rebuild: { firstMs: 100, capMs: 1_000 },
  });
  buses.push(made);
  return made;
}

function read(of: KafkaBus, group: string, from = topic) {
  const got: Delivery[] = [];
  const subscription = of.subscribe({
    group,
    topics: [from],
    onDeliveries: (deliveries) => {
      got.push(...deliveries);
      for (const delivery of deliveries) delivery.ack();
    },
  });
  return { got, subscription, texts: () => got.map(({ value }) => String(value)) };
}

/** As retention does. */
async function deleteBelow(offset: string): Promise<void> {
  // kafkajs looks for the leader in what it happens to know.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
}

const message = (key: string, text: string, to = topic) => ({ topic: to, key, value: Buffer.from(text) });

beforeAll(async () => {
  admin = raw().admin();
  await admin.connect();
});

afterAll(() => admin.disconnect());

beforeEach(() => {
  topic = `guards-${randomUUID()}`;
});

afterEach(async () => {
  await Promise.all(buses.splice(0).map((made) => made.close({ drainMs: 0 })));
}, 30_000);

describe('the Kafka bus against a real broker', () => {
  test('creates topics with settings of their own', async () => {
    await bus().ensureTopics([{ topic, partitions: 2, retentionMs: 3_600_000 }]);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
    });
    const settings = Object.fromEntries(
      (resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
    );
    expect(settings).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '3600000',
      'compression.type': 'uncompressed',
      'max.message.bytes': '1048576',
    });
  });

  test('a batch in a codec that kafkajs lacks does not kill the group: the broker unpacks it', async () => {
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const gzip = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP];
    const codec = gzip?.() as { compress(encoder: object): Promise<Buffer> };
    kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP] = () => ({
      compress: (encoder: object) => codec.compress(encoder),
      decompress: () => Promise.reject(new kafkajs.KafkaJSError('this codec is not implemented')),
    });
    try {
      const producer = raw().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      const messages = Array.from({ length: 20 }, (_, i) => ({ key: 'a', value: `${i}` }));
      await producer.send({ topic, messages, compression: kafkajs.CompressionTypes.GZIP });
      await producer.disconnect();
      const { got } = read(client, topic);
      await waitFor(() => got.length === 20, { what: 'the messages of the packed batch' });
    } finally {
      if (gzip !== undefined) kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP] = gzip;
    }
  }, 30_000);

  test('one message that the broker refuses is found among many; the others arrive', async () => {
    await admin.createTopics({
      topics: [{ topic, numPartitions: 3, configEntries: [{ name: 'max.message.bytes', value: '3000' }] }],
    });
    const client = bus();
    const culprit = message('b', 'x'.repeat(5_000));
    const good = Array.from({ length: 12 }, (_, i) => message(`key-${i}`, `${i}`));
    const refused = await client.publish([...good.slice(0, 5), culprit, ...good.slice(5)]);
    expect(refused.map(({ message: one, code }) => [one === culprit, code])).toEqual([
      [true, 'MESSAGE_TOO_LARGE'],
    ]);
    const { got, texts } = read(client, topic);
    await waitFor(() => new Set(texts()).size === 12, { what: 'the other messages' });
    expect(got.every(({ value }) => (value?.length ?? 0) < 10)).toBe(true);
  }, 30_000);

  test('a topic that is deleted holds up no other', async () => {
    const client = bus();
    const doomed = `${topic}-doomed`;
    await client.ensureTopics([
      { topic, partitions: 1 },
      { topic: doomed, partitions: 1 },
    ]);
    expect(await client.publish([message('a', '1'), message('a', '1', doomed)])).toEqual([]);
    await admin.deleteTopics({ topics: [doomed] });
    const refused = await client.publish([
      message('a', '2'),
      message('a', 'lost', doomed),
      message('a', '3'),
    ]);
    expect(refused.map(({ message: one, code }) => [one.topic, code])).toEqual([[doomed, 'UNKNOWN_TOPIC']]);
    const { texts } = read(client, topic);
    await waitFor(() => new Set(texts()).size === 3, { what: 'the messages of the topic that stays' });
  }, 30_000);

  test('an offset that is out of range goes to the oldest message, not to the end', async () => {
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    await one.publish(Array.from({ length: 5 }, (_, i) => message('a', `${i}`)));
    const first = read(one, topic);
    await waitFor(() => first.got.length === 5, { what: 'the first five' });
    await first.subscription.close();
    await one.publish(Array.from({ length: 15 }, (_, i) => message('a', `${i + 5}`)));
    await deleteBelow('10');

    const second = read(two, topic);

    await waitFor(() => second.got.length >= 10, { what: 'what is left of the log' });
    expect(second.texts()).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 10}`));
    expect(await second.subscription.caughtUp(topic, 'a')).toBe(true);
  }, 60_000);

  test('a group whose position was passed by retention has caught up when nothing is left', async () => {
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    await one.publish([message('a', '0'), message('a', '1')]);
    const first = read(one, topic);
    await waitFor(() => first.got.length === 2, { what: 'the first two' });
    await first.subscription.close();
    await one.publish([message('a', '2'), message('a', '3')]);
    await deleteBelow('4');
    const { subscription, got } = read(two, topic);
    await subscription.ready();
    expect(await subscription.caughtUp(topic, 'a')).toBe(true);
    expect(got).toEqual([]);
  }, 30_000);

  test('partitions that are added later are read from their first message', async () => {
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    const reader = read(one, topic);
    await one.publish([message('a', 'old')]);
    await waitFor(() => reader.got.length === 1, { what: 'the message in the first partition' });
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`);
    await two.publish(keys.map((key) => message(key, key)));
    expect(new Set(keys.map((key) => partitionFor(key, 3))).size).toBe(3);

    await waitFor(() => keys.every((key) => reader.texts().includes(key)), {
      what: 'the messages in all partitions',
    });
    expect(new Set(reader.got.map(({ partition }) => partition)).size).toBe(3);
  }, 60_000);

  test('a listener hears partitions that are added later from their first message', async () => {
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    await two.publish([message('a', 'before')]);
    const heard: string[] = [];
    const listener = one.listen({
      topics: [topic],
      onMessages: (messages) => void heard.push(...messages.map(({ value }) => String(value))),
    });
    await listener.ready();
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`);
    await two.publish(keys.map((key) => message(key, key)));
    await waitFor(() => keys.every((key) => heard.includes(key)), { what: 'the messages in all partitions' });
    expect(heard).not.toContain('before');
  }, 60_000);

  test('a listener commits nothing, and leaves no group behind when it is closed', async () => {
    const client = new KafkaBus({ brokers: [kafkaBrokers()], clientId: topic, logger: quiet });
    buses.push(client);
    await client.ensureTopics([{ topic, partitions: 1 }]);
    let heard = 0;
    const listener = client.listen({
      topics: [topic],
      onMessages: (messages) => void (heard += messages.length),
    });
    await listener.ready();
    await client.publish([message('a', '1')]);
    await waitFor(() => heard === 1, { what: 'the message' });
    const groups = async (): Promise<string[]> =>
      (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(topic));
    const [group = ''] = await groups();
    expect(group).toMatch(/\.listener\./);
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    expect(committed?.partitions).toMatchObject([{ partition: 0, offset: '-1' }]);
    await listener.close();
    expect(await groups()).toEqual([]);
  }, 30_000);

  test('a subscription waits for a topic that is created later', async () => {
    const client = bus();
    const { got, subscription } = read(client, topic);
    await waitFor(() => /not joined/.test(client.health().reason ?? ''), {
      what: 'a reason not to be ready',
    });
    await client.ensureTopics([{ topic, partitions: 1 }]);
    await subscription.ready();
    await client.publish([message('a', '1')]);
    await waitFor(() => got.length === 1, { what: 'the message' });
    expect(client.health()).toEqual({ ready: true });
  }, 60_000);

  test('a group never stops for a handler that throws what kafkajs dies of', async () => {
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const seen: string[] = [];
    client.subscribe({
      group: topic,
      topics: [topic],
      onDeliveries: (deliveries) => {
        for (const delivery of deliveries) {
          delivery.ack();
          seen.push(String(delivery.value));
        }
        JSON.parse('{bad');
      },
    });
    for (let i = 0; i < 20; i++) {
      await client.publish([message('a', `${i}`)]);
      await waitFor(() => seen.at(-1) === `${i}`, { what: `message ${i}` });
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  }, 30_000);
});
