import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBus, type Delivery, type OutgoingMessage, type RefusedMessage } from '@counterstep/bus';
import type { Addressee, Answer } from '@counterstep/core';
import { CommandClient } from '@counterstep/testing';
import { carefully, topicsOf } from '@counterstep/protocol';
import { Outbox } from './outbox.js';

class CountingBus extends MemoryBus {
  /** Messages by call. */
  readonly calls: number[] = [];

  override publish(messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]> {
    this.calls.push(messages.length);
    return super.publish(messages);
  }
}

describe('the replies of one turn', () => {
  let bus: CountingBus;
  let client: CommandClient;
  let outbox: Outbox;
  let acknowledged: string[];

  beforeEach(async () => {
    bus = new CountingBus();
    client = await CommandClient.open(bus, ['payments']);
    outbox = new Outbox(bus, topicsOf('counterstep'), 'test', carefully(), new AbortController().signal);
    acknowledged = [];
  });
  afterEach(async () => {
    bus.broker.available = true;
    await bus.close();
  });

  const reply = (step: string, output: unknown): Addressee => {
    const answer: Answer = { outcome: 'succeeded', output };
    const to = client.command('payments.charge', {}, { step });
    const delivery: Delivery = {
      topic: 'counterstep.commands.payments',
      partition: 0,
      offset: '0',
      key: to.sagaid,
      value: null,
      headers: {},
      ack: () => acknowledged.push(step),
    };
    outbox.reply(to, answer, delivery);
    return to;
  };

  test('are published by one call, and acknowledge their commands when the broker has them', async () => {
    bus.broker.available = false;
    for (const step of ['a', 'b', 'c']) reply(step, step);
    // The messages of a later turn come after them.
    await new Promise((resolve) => setImmediate(resolve));
    reply('d', 'd');
    await new Promise((resolve) => setImmediate(resolve));
    expect(bus.calls).toEqual([3, 1]);
    expect(acknowledged).toEqual([]);
    bus.broker.available = true;
    await outbox.settled();
    expect(acknowledged).toEqual(['a', 'b', 'c', 'd']);
  });

  test('are not held up by one that the broker refuses, which is told alone', async () => {
    const [before, large, after] = [reply('a', 1), reply('large', 'x'.repeat(2_000_000)), reply('b', 2)];
    await outbox.settled();
    expect([...acknowledged].sort()).toEqual(['a', 'b', 'large']);
    expect(acknowledged.at(-1)).toBe('large');
    const outcomes = [before, large, after].map(async (to) => {
      const { outcome, data } = await client.reply(({ step }) => step === to.step);
      return data.error?.code ?? outcome;
    });
    expect(await Promise.all(outcomes)).toEqual(['succeeded', 'REPLY_TOO_LARGE', 'succeeded']);
  });
});
