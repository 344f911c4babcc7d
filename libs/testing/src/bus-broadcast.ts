import { expect } from './runner.js';
import type { Bus, Listener, ListenOptions, Received } from '@counterstep/bus';
import { bytes, type BusKit } from './bus-kit.js';

/** What listeners hear, and what is known of groups that are behind. */
export function busBroadcastTests(kit: BusKit): void {
  const { bus, eventually, message, promised, reader } = kit;

  const listen = (of: Bus, more: Partial<ListenOptions> = {}): { got: Received[]; listener: Listener } => {
    const got: Received[] = [];
    const onMessages = (messages: readonly Received[]): void => void got.push(...messages);
    return { got, listener: of.listen({ topics: [kit.topic], onMessages, ...more }) };
  };
  const textsOf = (got: readonly Received[]): string[] =>
    got.map(({ value }) => new TextDecoder().decode(value ?? new Uint8Array()));

  promised(
    'every listener hears everything from now on, beside the groups, and nothing of before',
    async () => {
      const { topic } = kit;
      const [one, two] = [bus(), bus()];
      await one.ensureTopics([{ topic, partitions: 3 }]);
      await one.publish(['a', 'b', 'c', 'd'].map((key) => message(key, 'before')));
      const [first, second] = [listen(one), listen(two)];
      await Promise.all([first.listener.ready(), second.listener.ready()]);
      const member = reader(two);
      const texts = Array.from({ length: 20 }, (_, i) => `${i}`);
      await one.publish(texts.map((text) => message(`key-${text}`, text)));

      await eventually(
        () => first.got.length >= 20 && second.got.length >= 20 && member.got.length >= 24,
        'all messages at the listeners and the group',
      );

      for (const { got } of [first, second]) {
        expect([...new Set(textsOf(got))].sort((a, b) => Number(a) - Number(b))).toEqual(texts);
      }
    },
  );

  promised('a listener gets key, bytes, headers and place, in the order of each key', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 2 }]);
    const { got, listener } = listen(client);
    await listener.ready();
    const value = new Uint8Array([0, 128, 255]);
    await client.publish([{ topic, key: 'a', value, headers: { traceparent: '00-1' } }]);
    await client.publish(['1', '2', '3'].map((text) => message('a', text)));

    await eventually(() => got.length >= 4, 'the messages');

    const partition = await client.partitionOf(topic, 'a');
    expect(got[0]).toMatchObject({ topic, key: 'a', partition, offset: '0' });
    expect(got[0]?.headers).toEqual({ traceparent: '00-1' });
    expect([...(got[0]?.value ?? [])]).toEqual([...value]);
    expect(textsOf(got.slice(1))).toEqual(['1', '2', '3']);
  });

  promised('a listener waits for a topic that is made later', async () => {
    const { topic } = kit;
    const client = bus();
    const { got, listener } = listen(client);
    await client.ensureTopics([{ topic, partitions: 2 }]);
    await listener.ready();
    await client.publish([message('a', '1'), message('b', '2')]);

    await eventually(() => got.length >= 2, 'the messages of the new topic');

    expect(textsOf(got).sort()).toEqual(['1', '2']);
  });

  promised('a listener that throws lives on, and one that is closed hears nothing more', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const heard: string[] = [];
    const clumsy = listen(client, {
      onMessages: (messages) => {
        heard.push(...textsOf(messages));
        throw new TypeError('a fault in the listener');
      },
    });
    const closed = listen(client);
    await Promise.all([clumsy.listener.ready(), closed.listener.ready()]);
    await Promise.all([closed.listener.close(), closed.listener.close()]);
    await client.publish([message('a', '1')]);
    await eventually(() => heard.includes('1'), 'the first message');
    await client.publish([message('a', '2')]);
    await eventually(() => heard.includes('2'), 'the message after the fault');
    expect(closed.got).toEqual([]);
  });

  promised('a listener misses nothing over an outage of the broker', async () => {
    const { topic } = kit;
    if (kit.harness.outage === undefined) return;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 2 }]);
    const { got, listener } = listen(client);
    await listener.ready();
    await client.publish([message('a', 'before')]);
    await eventually(() => got.length >= 1, 'the message before the outage');
    const end = await kit.harness.outage();
    const calls = Promise.all(['1', '2', '3'].map((text) => client.publish([message(text, text)])));
    await end();
    await calls;
    await client.publish([message('a', 'after')]);

    await eventually(() => new Set(textsOf(got)).size === 5, 'the messages of the outage');
  });

  promised('a message waits until its group has acknowledged it, and only its partition counts', async () => {
    const { topic, group } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 4 }]);
    const other = await keyElsewhere(client, topic, 'a');
    const since = Date.now();
    const isWaiting = (key: string, more: object = {}): Promise<boolean> =>
      client.isWaiting({ topic, key, group, since, ...more });
    expect(await isWaiting('a')).toBe(false);
    await client.publish([message('a', '1')]);
    await eventually(() => isWaiting('a'), 'a message that waits for a group that never was');
    expect(await isWaiting(other)).toBe(false);
    expect(await isWaiting('a', { topic: `${topic}.nowhere` })).toBe(false);

    const { got, subscription } = reader(client, { keep: true });
    await eventually(() => got.length >= 1, 'the message at the group');
    expect(await isWaiting('a')).toBe(true);
    got[0]?.ack();
    await eventually(async () => !(await isWaiting('a')), 'a group that has got past it');
    await subscription.close();
  });

  promised('a message waits behind those that its group has acknowledged', async () => {
    const { topic, group } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const { got, subscription } = reader(client);
    await client.publish([message('a', 'done')]);
    await eventually(() => got.length >= 1, 'the message at the group');
    await subscription.close();
    // Times are told apart by the second, and clocks are trusted to 5 seconds only.
    const later = (Math.floor(Date.now() / 1_000) + 1) * 1_000;
    await eventually(() => Date.now() >= later, 'the next second');
    await client.publish([message('a', 'open')]);
    const isWaiting = (since: number): Promise<boolean> =>
      client.isWaiting({ topic, key: 'a', group, since: since + 5_000 });

    await eventually(() => isWaiting(later), 'the open message waits');
    expect(await isWaiting(later - 60_000)).toBe(false);
  });

  promised('while the broker is away nobody is sure of anything', async () => {
    const { topic, group } = kit;
    if (kit.harness.outage === undefined) return;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    const since = Date.now();
    await client.publish([{ topic, key: 'a', value: bytes('1') }]);
    await eventually(() => client.isWaiting({ topic, key: 'a', group, since }), 'the message waits');
    const end = await kit.harness.outage();
    try {
      await eventually(
        async () => !(await client.isWaiting({ topic, key: 'a', group, since })),
        'the answer of an absent broker',
      );
    } finally {
      await end();
    }
    await eventually(() => client.isWaiting({ topic, key: 'a', group, since }), 'the message waits again');
  });
}

async function keyElsewhere(bus: Bus, topic: string, key: string): Promise<string> {
  const partition = await bus.partitionOf(topic, key);
  for (let i = 0; ; i++) if ((await bus.partitionOf(topic, `other-${i}`)) !== partition) return `other-${i}`;
}
