import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  BusClosedError,
  MAX_MESSAGE_BYTES,
  type Bus,
  type Delivery,
  type OutgoingMessage,
  type SubscribeOptions,
  type Subscription,
} from '@counterstep/bus';

/** What the suite needs of an implementation; made anew for each test. */
export interface BusHarness {
  /** Another client of the same broker. The suite closes it. */
  bus(): Bus;
  /** Takes the broker away; the returned function brings it back with everything that it confirmed. */
  outage?(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * Defines the tests that every implementation of the port `Bus` must pass. Needs a broker without faults.
 * `timeoutMs` (default 30,000) bounds each test, `groupMs` (default 20,000) how long a group may take to settle.
 */
export function busConformance(
  name: string,
  makeHarness: () => Promise<BusHarness>,
  { timeoutMs = 30_000, groupMs = 20_000 }: { timeoutMs?: number; groupMs?: number } = {},
): void {
  describe(`${name} keeps the promises of the bus`, () => {
    let harness: BusHarness;
    let buses: Bus[] = [];
    let topic: string;
    let group: string;

    const bus = (): Bus => {
      const made = harness.bus();
      buses.push(made);
      return made;
    };
    const message = (key: string, text: string): OutgoingMessage => ({ topic, key, value: bytes(text) });
    const eventually = (fact: () => boolean | Promise<boolean>, what: string): Promise<void> =>
      until(fact, what, groupMs);
    const promised = (fact: string, run: () => Promise<void>): void => test(fact, run, timeoutMs);

    /** Remembers what it gets; acknowledges it at once unless told otherwise. */
    function reader(of: Bus, more: Partial<SubscribeOptions> & { keep?: boolean } = {}): Reader {
      const got: Delivery[] = [];
      const { keep = false, ...options } = more;
      const onDeliveries = (deliveries: readonly Delivery[]): void => {
        got.push(...deliveries);
        if (!keep) for (const delivery of deliveries) delivery.ack();
      };
      const subscription = of.subscribe({ group, topics: [topic], onDeliveries, ...options });
      return { got, subscription, texts: () => got.map(textOf) };
    }

    beforeEach(async () => {
      harness = await makeHarness();
      buses = [];
      topic = `conformance-${randomUUID()}.letters`;
      group = `conformance-${randomUUID()}`;
    }, timeoutMs);

    afterEach(async () => {
      await Promise.all(buses.map((made) => made.close({ drainMs: 0 })));
      await harness.close();
    }, timeoutMs);

    promised('a message arrives with its key, bytes, headers, partition and offset', async () => {
      const client = bus();
      await client.ensureTopics([{ topic, partitions: 4 }]);
      const value = new Uint8Array([0, 1, 2, 128, 254, 255]);
      const { got } = reader(client);
      expect(await client.publish([{ topic, key: 'a', value, headers: { traceparent: '00-1' } }])).toEqual(
        [],
      );

      await eventually(() => got.length === 1, 'the message');

      const [delivery] = got;
      expect(delivery).toMatchObject({ topic, key: 'a', offset: '0', headers: { traceparent: '00-1' } });
      expect(delivery?.partition).toBe(await client.partitionOf(topic, 'a'));
      expect([...(delivery?.value ?? [])]).toEqual([...value]);
    });

    promised(
      'bytes travel: what the sender does to them after the confirmation changes nothing',
      async () => {
        const client = bus();
        await client.ensureTopics([{ topic, partitions: 1 }]);
        const value = bytes('sent');
        await client.publish([{ topic, key: 'a', value }]);
        value.fill(0);
        const first = reader(client);
        const second = reader(client, { group: `${group}-2` });

        await eventually(
          () => first.got.length === 1 && second.got.length === 1,
          'the message in both groups',
        );

        expect(first.texts()).toEqual(['sent']);
        first.got[0]?.value?.fill(0);
        expect(second.texts()).toEqual(['sent']);
      },
    );

    promised('messages of one key arrive in the order of the calls, whatever other keys do', async () => {
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
      const client = bus();
      await client.ensureTopics([{ topic, partitions: 2 }]);
      const early = reader(client);
      await client.publish([message('a', '1'), message('b', '2'), message('c', '3')]);
      await eventually(() => early.got.length >= 3, 'the messages in the first group');

      const late = reader(bus(), { group: `${group}-late` });

      await eventually(() => late.got.length >= 3, 'the messages in the late group');
      expect([...new Set(late.texts())].sort()).toEqual(['1', '2', '3']);
    });

    promised('the members of a group divide the partitions and together get everything', async () => {
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
        await eventually(
          () => keysMoved.every((key) => first.texts().includes(key)),
          'them back at the first',
        );
      },
    );

    promised('a subscription that is closed while it joins leaves no member behind', async () => {
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

    promised('no more than the credit is handed out and not acknowledged', async () => {
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

    promised('a subscription says what it holds and when it has caught up', async () => {
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

    promised('topics that exist are left as they are', async () => {
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
      const client = bus();
      await client.ensureTopics([{ topic, partitions: 1 }]);
      await eventually(() => client.health().ready, 'readiness');
      expect(client.health().reason).toBeUndefined();
    });

    promised('while the broker is away publishing waits, and goes on when it is back', async () => {
      if (harness.outage === undefined) return;
      const client = bus();
      await client.ensureTopics([{ topic, partitions: 2 }]);
      const { got } = reader(client);
      await client.publish([message('a', 'before')]);
      await eventually(() => got.length >= 1, 'the message before the outage');
      const end = await harness.outage();
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
      if (harness.outage === undefined) return;
      const client = bus();
      await client.ensureTopics([{ topic, partitions: 1 }]);
      const end = await harness.outage();
      const call = client.publish([message('a', '1')]).catch((error: unknown) => error);
      try {
        await client.close({ drainMs: 50 });
        expect(await call).toBeInstanceOf(BusClosedError);
      } finally {
        await end();
      }
    });
  });
}

interface Reader {
  readonly got: Delivery[];
  readonly subscription: Subscription;
  texts(): string[];
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (delivery: Delivery): string => new TextDecoder().decode(delivery.value ?? new Uint8Array());

/** The texts in the order of their first arrival: a message may come twice. */
const firsts = (deliveries: readonly Delivery[]): string[] => [...new Set(deliveries.map(textOf))];

async function until(fact: () => boolean | Promise<boolean>, what: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await sleep(5);
  }
}
