import { describe, expect, test } from '@jest/globals';
import { MemoryBroker, type Delivery, type MemoryBrokerOptions } from '@counterstep/bus';

/** Runs what became due until nothing is left; delivers in between. */
class ManualTimer {
  readonly due: { task: () => void; ms: number }[] = [];
  readonly later = (task: () => void, ms: number): void => void this.due.push({ task, ms });
  async run(): Promise<number[]> {
    const waited: number[] = [];
    await turns();
    for (let next = this.due.shift(); next !== undefined; next = this.due.shift()) {
      waited.push(next.ms);
      next.task();
      await turns();
    }
    return waited;
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

async function deliver(options: MemoryBrokerOptions, count: number) {
  const timer = new ManualTimer();
  const broker = new MemoryBroker({ partitions: 1, later: timer.later, ...options });
  const bus = broker.connect();
  await bus.ensureTopics([{ topic: 't', partitions: 1 }]);
  const got: Delivery[] = [];
  bus.subscribe({
    group: 'g',
    topics: ['t'],
    onDeliveries: (deliveries) => {
      got.push(...deliveries);
      for (const delivery of deliveries) delivery.ack();
    },
  });
  const messages = Array.from({ length: count }, (_, i) => ({
    topic: 't',
    key: 'a',
    value: Buffer.from(`${i}`),
  }));
  await bus.publish(messages);
  const waited = await timer.run();
  return { broker, bus, got, waited, texts: got.map(({ value }) => Buffer.from(value ?? []).toString()) };
}

/** 0.9, then the given numbers, then 0.9 for ever. */
const numbers = (...list: number[]): (() => number) => {
  const rest = [...list];
  return () => rest.shift() ?? 0.9;
};

describe('the memory broker does wrong what it is told to', () => {
  test('every n-th delivery comes twice, and acknowledging either one counts', async () => {
    const { texts, got } = await deliver({ faults: { duplicateEvery: 3 } }, 6);
    expect(texts).toEqual(['0', '1', '2', '2', '3', '4', '5', '5']);
    expect(got[2]?.value).not.toBe(got[3]?.value);
  });

  test('a chance of 1 duplicates everything', async () => {
    const { texts } = await deliver({ faults: { duplicate: 1 } }, 2);
    expect(texts).toEqual(['0', '0', '1', '1']);
  });

  test('a delay holds its partition up and keeps the order', async () => {
    const random = numbers(0.9, 0.1, 0.5);
    const { texts, waited } = await deliver({ faults: { delay: { chance: 0.2, ms: 100 } }, random }, 3);
    expect(texts).toEqual(['0', '1', '2']);
    expect(waited).toEqual([50]);
  });

  test('a dropped delivery comes later, behind the others, and the position waits for it', async () => {
    const random = numbers(0.1);
    const faults = { drop: { chance: 0.2, redeliverAfterMs: 70 } };
    const { texts, waited } = await deliver({ faults, random }, 3);
    expect(texts).toEqual(['1', '2', '0']);
    expect(waited).toEqual([70]);
  });

  test('a lost delivery never comes, and the group goes on past it', async () => {
    const { texts, broker } = await deliver({ faults: { lose: 0.2 }, random: numbers(0.9, 0.1) }, 3);
    expect(texts).toEqual(['0', '2']);
    const log = broker.logsOf('t')?.[0];
    expect(log && broker.group('g').positionIn(log)).toBe(3);
  });

  test('what every group acknowledged is dropped, except the newest; what one has not is kept', async () => {
    const { broker, bus } = await deliver({ retain: 10 }, 5_000);
    const log = broker.logsOf('t')?.[0];
    expect(log?.end).toBe(5_000);
    expect((log?.end ?? 0) - (log?.start ?? 0)).toBeLessThan(600);

    const start = log?.start ?? 0;
    const late: Delivery[] = [];
    bus.subscribe({ group: 'late', topics: ['t'], credit: 1, onDeliveries: (some) => late.push(...some) });
    await turns();
    expect(late.map(({ offset }) => offset)).toEqual([String(start)]);
    await bus.publish(
      Array.from({ length: 5_000 }, () => ({ topic: 't', key: 'a', value: Buffer.from('x') })),
    );
    await turns();
    expect(log?.start).toBe(start);
  });
});
