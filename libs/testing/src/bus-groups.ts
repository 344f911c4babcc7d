import { expect } from './runner.js';
import { type BusKit, type Reader } from './bus-kit.js';

/** Who gets what in a group, and what comes again. */
export function busGroupsTests(kit: BusKit): void {
  const { bus, eventually, message, promised, reader } = kit;

  promised('the members of a group divide the partitions and together get everything', async () => {
    const { topic } = kit;
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 4 }]);
    const first = reader(one);
    const second = reader(two);
    const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
    const held = (of: Reader): string[] => keys.filter((key) => of.subscription.holds(topic, key));
    await Promise.all([first.subscription.ready(), second.subscription.ready()]);

    await eventually(() => {
      const [a, b] = [held(first), held(second)];
      return a.length > 0 && b.length > 0 && a.length + b.length === keys.length;
    }, 'both members to hold a share, and no key twice');
    first.got.length = second.got.length = 0;
    await one.publish(keys.map((key) => message(key, key)));

    await eventually(
      () => new Set([...first.texts(), ...second.texts()]).size === keys.length,
      'every message',
    );
    expect([...new Set(first.texts())].sort()).toEqual(held(first).sort());
    expect([...new Set(second.texts())].sort()).toEqual(held(second).sort());
  });

  promised('what a member did not acknowledge is delivered again to the next holder', async () => {
    const { topic } = kit;
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    await one.publish(['0', '1', '2', '3', '4'].map((text) => message('a', text)));
    const first = reader(one, { keep: true });
    await eventually(() => first.got.length >= 5, 'the messages at the first member');
    for (const delivery of first.got.slice(0, 2)) delivery.ack();
    await first.subscription.close();

    const second = reader(two);

    await eventually(() => second.got.length >= 3, 'the rest at the second member');
    expect(second.texts()).toEqual(['2', '3', '4']);
  });

  promised(
    'a partition that moves is delivered again, and a former holder cannot acknowledge it',
    async () => {
      const { topic } = kit;
      const [one, two] = [bus(), bus()];
      await one.ensureTopics([{ topic, partitions: 4 }]);
      const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
      const first = reader(one, { keep: true });
      await one.publish(keys.map((key) => message(key, key)));
      await eventually(() => new Set(first.texts()).size === 20, 'the messages at the first member');
      const stale = [...first.got];

      const second = reader(two, { keep: true });
      const moved = (): string[] => keys.filter((key) => second.subscription.holds(topic, key));
      await eventually(
        () => moved().length > 0 && moved().every((key) => second.texts().includes(key)),
        'the messages of the moved partitions at the second member',
      );

      const keysMoved = moved();
      for (const delivery of stale) if (keysMoved.includes(delivery.key ?? '')) delivery.ack();
      first.got.length = 0;
      await second.subscription.close();
      await eventually(() => keysMoved.every((key) => first.texts().includes(key)), 'them back at the first');
    },
  );

  promised('a subscription that is closed while it joins leaves no member behind', async () => {
    const { topic } = kit;
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 4 }]);
    const hasty = Array.from({ length: 3 }, () => reader(one));
    await Promise.all(hasty.map(({ subscription }) => subscription.close()));

    const stays = reader(two);
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
    await one.publish(keys.map((key) => message(key, key)));

    await eventually(() => new Set(stays.texts()).size === 20, 'every message at the one member left');
    expect(keys.every((key) => stays.subscription.holds(topic, key))).toBe(true);
    expect(hasty.flatMap(({ got }) => got)).toEqual([]);
  });

  promised('a position never passes a message that was not acknowledged', async () => {
    const { topic } = kit;
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    await one.publish(['0', '1', '2', '3'].map((text) => message('a', text)));
    const first = reader(one, { keep: true });
    await eventually(() => first.got.length >= 4, 'the messages');
    first.got[0]?.ack();
    first.got[0]?.ack();
    first.got[2]?.ack();
    first.got[3]?.ack();
    await first.subscription.close();
    first.got[1]?.ack();

    const second = reader(two);

    await eventually(() => second.got.length >= 3, 'the messages from the gap on');
    expect(second.texts()).toEqual(['1', '2', '3']);
  });

  promised('a subscription says what it holds and when it has caught up', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 2 }]);
    const { got, subscription } = reader(client, { keep: true });
    await subscription.ready();
    expect(subscription.holds(topic, 'a')).toBe(true);
    expect(subscription.holds(`${topic}.other`, 'a')).toBe(false);
    expect(await subscription.caughtUp(topic, 'a')).toBe(true);
    await client.publish([message('a', '1'), message('a', '2')]);

    let caughtUp: boolean | undefined;
    const asked = subscription.caughtUp(topic, 'a').then((answer) => (caughtUp = answer));
    await eventually(() => got.length >= 2, 'the messages');
    got[1]?.ack();
    expect(caughtUp).toBeUndefined();
    got[0]?.ack();
    expect(await asked).toBe(true);
    expect(await subscription.caughtUp(topic, 'a')).toBe(true);
  });

  promised('a member that comes back without new messages has caught up at once', async () => {
    const { topic } = kit;
    const [one, two] = [bus(), bus()];
    await one.ensureTopics([{ topic, partitions: 1 }]);
    await one.publish([message('a', '1')]);
    const first = reader(one);
    await eventually(() => first.got.length === 1, 'the message');
    await first.subscription.close();

    const second = reader(two);
    await second.subscription.ready();

    expect(await second.subscription.caughtUp(topic, 'a')).toBe(true);
    expect(second.got).toEqual([]);
  });

  promised('waiting to catch up ends with false when the partition is lost', async () => {
    const { topic } = kit;
    const client = bus();
    await client.ensureTopics([{ topic, partitions: 1 }]);
    await client.publish([message('a', '1')]);
    const { got, subscription } = reader(client, { keep: true });
    await eventually(() => got.length === 1, 'the message');
    const asked = subscription.caughtUp(topic, 'a');
    await subscription.close();
    expect(await asked).toBe(false);
    expect(subscription.holds(topic, 'a')).toBe(false);
    expect(await subscription.caughtUp(topic, 'a')).toBe(false);
  });
}
