import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KafkaBus } from '@counterstep/bus';
import { busConformance } from '../../libs/testing/src/bus-conformance.js';
import { startKafka, type KafkaServer } from '../support/kafka.js';
import { waitFor } from '../support/wait-for.js';

// A broker of its own, which the tests of an outage kill.
let kafka: KafkaServer;

beforeAll(async () => {
  kafka = await startKafka();
}, 120_000);

afterAll(async () => {
  await kafka.close();
}, 30_000);

const connect = (): KafkaBus =>
  new KafkaBus({
    brokers: [kafka.brokers],
    clientId: 'conformance',
    sessionTimeoutMs: 6_000,
    heartbeatMs: 250,
    commitMs: 200,
    rebuild: { firstMs: 200, capMs: 2_000 },
  });

busConformance(
  'the Kafka bus',
  () =>
    Promise.resolve({
      bus: connect,
      outage: async () => {
        await kafka.kill();
        return () => kafka.restart();
      },
      close: () => Promise.resolve(),
    }),
  { timeoutMs: 90_000, groupMs: 45_000 },
);

describe('the Kafka bus and a broker that fails', () => {
  test('closing has a deadline, also while the broker is frozen', async () => {
    const bus = connect();
    const topic = `frozen-${randomUUID()}`;
    await bus.ensureTopics([{ topic, partitions: 1 }]);
    const subscription = bus.subscribe({ group: topic, topics: [topic], onDeliveries: () => undefined });
    await subscription.ready();
    const { pid } = kafka;
    if (pid === undefined) throw new Error('this test needs a broker that it can freeze');
    process.kill(pid, 'SIGSTOP');
    try {
      const lost = bus
        .publish([{ topic, key: 'a', value: Buffer.from('1') }])
        .catch((error: unknown) => error);
      const began = performance.now();
      await bus.close({ drainMs: 100 });
      expect(performance.now() - began).toBeLessThan(12_000);
      expect(await lost).toMatchObject({ code: 'BUS_CLOSED' });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }, 60_000);

  test('what was confirmed before, during and after kill -9 is delivered, in the order of each key', async () => {
    const bus = connect();
    const topic = `killed-${randomUUID()}`;
    await bus.ensureTopics([{ topic, partitions: 3 }]);
    const got: string[] = [];
    bus.subscribe({
      group: topic,
      topics: [topic],
      onDeliveries: (deliveries) => {
        for (const delivery of deliveries) {
          got.push(String(delivery.value));
          delivery.ack();
        }
      },
    });
    const calls: Promise<unknown>[] = [];
    const send = (from: number, to: number): void => {
      for (let i = from; i < to; i++) {
        calls.push(bus.publish([{ topic, key: `key-${i % 7}`, value: Buffer.from(`${i}`) }]));
      }
    };
    send(0, 500);
    await calls[100];
    send(500, 2_000);
    await kafka.kill();
    send(2_000, 2_500);
    await kafka.restart();
    send(2_500, 3_000);
    expect((await Promise.all(calls)).flat()).toEqual([]);

    await waitFor(() => new Set(got).size === 3_000, { what: 'every confirmed message', timeoutMs: 60_000 });
    const firsts = [...new Set(got)].map(Number);
    for (let key = 0; key < 7; key++) {
      const ofKey = firsts.filter((number) => number % 7 === key);
      expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
    }
    await bus.close();
  }, 120_000);

  test('a bus made while the broker is away comes to life when it is there', async () => {
    await kafka.stop();
    const bus = connect();
    const topic = `late-${randomUUID()}`;
    const got: string[] = [];
    const created = bus.ensureTopics([{ topic, partitions: 1 }]);
    bus.subscribe({
      group: topic,
      topics: [topic],
      onDeliveries: (deliveries) => got.push(...deliveries.map(({ value }) => String(value))),
    });
    const published = created.then(() => bus.publish([{ topic, key: 'a', value: Buffer.from('1') }]));
    await waitFor(() => bus.health().reason?.includes(kafka.brokers), {
      what: 'a reason that names the broker',
    });
    await kafka.restart();
    expect(await published).toEqual([]);
    await waitFor(() => got.includes('1') && bus.health().ready, { what: 'the message', timeoutMs: 60_000 });
    await bus.close();
  }, 120_000);
});
