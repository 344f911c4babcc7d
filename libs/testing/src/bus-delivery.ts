import { expect } from './runner.js';
import { MAX_MESSAGE_BYTES } from '@counterstep/bus';
import { bytes, firsts, textOf, type BusKit } from './bus-kit.js';

/** What is published arrives, as bytes, in order, within the credit. */
export function busDeliveryTests(kit: BusKit): void {
  const { bus, eventually, message, promised, reader } = kit;

  promised('a message arrives with its key, bytes, headers, partition and offset', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 4 }]);
    const value = new Uint8Array([0, 1, 2, 128, 254, 255]);
    const { got } = reader(client);
    expect(await client.publish([{ topic, key: 'a', value, headers: { traceparent: '00-1' } }])).toEqual([]);

    await eventually(() => got.length === 1, 'the message');

    const [delivery] = got;
    expect(delivery).toMatchObject({ topic, key: 'a', offset: '0', headers: { traceparent: '00-1' } });
    expect(delivery?.partition).toBe(await client.partitionOf(topic, 'a'));
    expect([...(delivery?.value ?? [])]).toEqual([...value]);
  });

  promised('bytes travel: what the sender does to them after the confirmation changes nothing', async () => {
    const { topic, group } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const value = bytes('sent');
    await client.publish([{ topic, key: 'a', value }]);
    value.fill(0);
    const first = reader(client);
    const second = reader(client, { group: `${group}-2` });

    await eventually(() => first.got.length === 1 && second.got.length === 1, 'the message in both groups');

    expect(first.texts()).toEqual(['sent']);
    first.got[0]?.value?.fill(0);
    expect(second.texts()).toEqual(['sent']);
  });

  promised('messages of one key arrive in the order of the calls, whatever other keys do', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 4 }]);
    const { got } = reader(client);
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const calls = Array.from({ length: 300 }, (_, i) =>
      client.publish([message(keys[i % keys.length] ?? 'a', `${i}`)]),
    );
    expect((await Promise.all(calls)).flat()).toEqual([]);

    await eventually(() => new Set(got.map(textOf)).size === 300, 'all 300 messages');

    for (const key of keys) {
      const numbers = firsts(got.filter((delivery) => delivery.key === key)).map(Number);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    expect(new Set(got.map((delivery) => delivery.partition)).size).toBeGreaterThan(1);
  });

  promised('every group gets every message, also a group that comes later', async () => {
    const { topic, group } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 2 }]);
    const early = reader(client);
    await client.publish([message('a', '1'), message('b', '2'), message('c', '3')]);
    await eventually(() => early.got.length >= 3, 'the messages in the first group');

    const late = reader(bus(), { group: `${group}-late` });

    await eventually(() => late.got.length >= 3, 'the messages in the late group');
    expect([...new Set(late.texts())].sort()).toEqual(['1', '2', '3']);
  });

  promised('no more than the credit is handed out and not acknowledged', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 3 }]);
    await client.publish(Array.from({ length: 60 }, (_, i) => message(`key-${i}`, `${i}`)));
    const { got, subscription } = reader(client, { keep: true, credit: 10 });
    let acknowledged = 0;
    while (acknowledged < 60) {
      await eventually(
        () => got.length >= Math.min(60, acknowledged + 10),
        `messages beyond ${acknowledged}`,
      );
      expect(got.length).toBeLessThanOrEqual(acknowledged + 10);
      for (const delivery of got.slice(acknowledged)) {
        delivery.ack();
        acknowledged++;
      }
    }
    expect(new Set(got.map(textOf)).size).toBe(60);
    await subscription.close();
  });

  promised('a refused message is told with its reason and holds up no other', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const { got } = reader(client);
    const tooLarge = { topic, key: 'a', value: new Uint8Array(MAX_MESSAGE_BYTES + 1) };
    const nowhere = { topic: `${topic}.nowhere`, key: 'a', value: bytes('lost') };

    const refused = await client.publish([message('a', '1'), tooLarge, nowhere, message('a', '2')]);

    expect(refused.map(({ code }) => code).sort()).toEqual(['MESSAGE_TOO_LARGE', 'UNKNOWN_TOPIC']);
    expect(refused.find(({ code }) => code === 'UNKNOWN_TOPIC')?.message).toBe(nowhere);
    expect(refused.find(({ code }) => code === 'MESSAGE_TOO_LARGE')?.message).toBe(tooLarge);
    await eventually(() => got.length >= 2, 'the other messages');
    expect(got.map(textOf)).toEqual(['1', '2']);
    expect(await client.publish([message('a', '3')])).toEqual([]);
  });

  promised('many calls at once are all confirmed', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 4 }]);
    const { got } = reader(client);
    const calls = Array.from({ length: 2_000 }, (_, i) => client.publish([message(`key-${i}`, `${i}`)]));
    calls.push(client.publish([]));

    expect((await Promise.all(calls)).flat()).toEqual([]);

    await eventually(() => new Set(got.map(textOf)).size === 2_000, 'all 2,000 messages');
  });

  promised(
    'a handler that throws leaves its messages unacknowledged, and the subscription lives on',
    async () => {
      const { topic, group } = kit;
      const [one, two] = [bus(), bus()];
      await one.ensureTopics([{ topic, partitions: 1 }]);
      const got: string[] = [];
      const subscription = one.subscribe({
        group,
        topics: [topic],
        onDeliveries: (deliveries) => {
          got.push(...deliveries.map(textOf));
          throw new TypeError('a fault in the handler');
        },
      });
      await one.publish([message('a', '1')]);
      await eventually(() => got.includes('1'), 'the first message');
      await one.publish([message('a', '2')]);
      await eventually(() => got.includes('2'), 'the message after the fault');
      await subscription.close();

      const next = reader(two);

      await eventually(() => next.got.length >= 2, 'both messages again');
      expect(next.texts()).toEqual(['1', '2']);
    },
  );
}
