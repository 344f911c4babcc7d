import { describe, expect, test } from '@jest/globals';
import { Outbox } from './outbox.js';
import type { Outgoing } from './produce.js';

const call = { open: 0, settle: () => undefined, refuse: () => undefined, abandon: () => undefined };
const outgoing = (partition: number, bytes = 100, topic = 't'): Outgoing => ({
  message: { topic, key: 'a', value: new Uint8Array() },
  partition,
  bytes,
  call,
});
const limits = { messages: 10, bytes: 10_000, bytesPerPartition: 3_000 };
const sizes = (outbox: Outbox): number[] => outbox.take().map(({ messages }) => messages.length);

describe('what waits to be sent', () => {
  test('goes in one request over all topics and partitions', () => {
    const outbox = new Outbox(limits);
    for (const one of [outgoing(0), outgoing(1), outgoing(0, 100, 'u'), outgoing(1)]) outbox.add(one);
    const parts = outbox.take().map(({ topic, partition, messages }) => [topic, partition, messages.length]);
    expect(parts).toEqual([
      ['t', 0, 1],
      ['t', 1, 2],
      ['u', 0, 1],
    ]);
    expect(outbox.isEmpty).toBe(true);
  });

  test('is bounded by messages, by bytes, and by bytes for one partition', () => {
    const many = new Outbox(limits);
    for (let i = 0; i < 25; i++) many.add(outgoing(0));
    expect([sizes(many), sizes(many), sizes(many), many.isEmpty]).toEqual([[10], [10], [5], true]);

    const heavy = new Outbox(limits);
    for (let i = 0; i < 8; i++) heavy.add(outgoing(i, 2_500));
    expect([sizes(heavy), sizes(heavy), sizes(heavy)]).toEqual([
      [1, 1, 1],
      [1, 1, 1],
      [1, 1],
    ]);

    const onePartition = new Outbox(limits);
    for (let i = 0; i < 5; i++) onePartition.add(outgoing(0, 1_000));
    expect([sizes(onePartition), sizes(onePartition), sizes(onePartition)]).toEqual([[2], [2], [1]]);
  });

  test('lets a message that exceeds the limits go alone', () => {
    const outbox = new Outbox(limits);
    outbox.add(outgoing(0, 50_000));
    outbox.add(outgoing(0));
    expect([sizes(outbox), sizes(outbox), outbox.isEmpty]).toEqual([[1], [1], true]);
  });

  test('serves partitions in turn, so that a full one does not starve the others', () => {
    const outbox = new Outbox(limits);
    for (let i = 0; i < 100; i++) outbox.add(outgoing(0));
    outbox.add(outgoing(1));
    expect(sizes(outbox)).toEqual([10]);
    expect(outbox.take().map(({ partition }) => partition)).toContain(1);
  });

  test('keeps the order when a part is put back', () => {
    const outbox = new Outbox(limits);
    const all = Array.from({ length: 15 }, () => outgoing(0));
    for (const one of all) outbox.add(one);
    const [part] = outbox.take();
    if (part === undefined) throw new Error('nothing was taken');
    outbox.putBack(part);
    const again = [...outbox.take(), ...outbox.take()].flatMap(({ messages }) => messages);
    expect(again).toEqual(all);
  });
});
