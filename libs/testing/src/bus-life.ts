import { expect } from './runner.js';
import { BusClosedError } from '@counterstep/bus';
import { firsts, textOf, type BusKit } from './bus-kit.js';

/** Topics, readiness, closing and outages. */
export function busLifeTests(kit: BusKit): void {
  const { bus, eventually, message, promised, reader } = kit;

  promised('topics that exist are left as they are', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 3 }]);
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
    const before = await Promise.all(keys.map((key) => client.partitionOf(topic, key)));
    await bus().ensureTopics([
      { topic, partitions: 7 },
      { topic: `${topic}.new`, partitions: 1 },
    ]);
    expect(await Promise.all(keys.map((key) => client.partitionOf(topic, key)))).toEqual(before);
    expect(await client.partitionOf(`${topic}.new`, 'a')).toBe(0);
  });

  promised('a closed bus takes and delivers nothing more, and closing twice is once', async () => {
    const { topic } = kit;
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    const { got, subscription } = reader(one);
    await subscription.ready();
    await Promise.all([one.close(), one.close(), subscription.close()]);
    expect(one.health().ready).toBe(false);
    await expect(one.publish([message('a', '1')])).rejects.toBeInstanceOf(BusClosedError);

    const other = reader(two);
    await two.publish([message('a', '2')]);
    await eventually(() => other.got.length === 1, 'the message at the other member');
    expect(got).toEqual([]);
  });

  promised('a bus that reached its broker is ready', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    await eventually(() => client.health().ready, 'readiness');
    expect(client.health().reason).toBeUndefined();
  });

  promised('while the broker is away publishing waits, and goes on when it is back', async () => {
    const { topic } = kit;
    if (kit.harness.outage === undefined) return;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 2 }]);
    const { got } = reader(client);
    await client.publish([message('a', 'before')]);
    await eventually(() => got.length >= 1, 'the message before the outage');
    const end = await kit.harness.outage();
    let settled = false;
    const calls = Promise.all(['1', '2', '3'].map((text) => client.publish([message('a', text)])));
    void calls.then(() => (settled = true)).catch(() => undefined);
    try {
      await eventually(() => !client.health().ready, 'a bus that is not ready');
      expect(client.health().reason).toEqual(expect.stringContaining('broker'));
      expect(settled).toBe(false);
    } finally {
      await end();
    }

    expect((await calls).flat()).toEqual([]);
    await eventually(() => new Set(got.map(textOf)).size === 4, 'the messages of the outage');
    expect(firsts(got)).toEqual(['before', '1', '2', '3']);
    await eventually(() => client.health().ready, 'readiness');
  });

  promised('closing during an outage rejects what waits', async () => {
    const { topic } = kit;
    if (kit.harness.outage === undefined) return;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const end = await kit.harness.outage();
    const call = client.publish([message('a', '1')]).catch((error: unknown) => error);
    try {
      await client.close({ drainMs: 50 });
      expect(await call).toBeInstanceOf(BusClosedError);
    } finally {
      await end();
    }
  });
}
