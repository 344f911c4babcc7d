import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBus } from '@counterstep/bus';
import { CommandClient } from '@counterstep/testing';
import { createWorker, stepHandler, type Worker } from './index.js';

describe('a command that cannot be read', () => {
  let bus: MemoryBus;
  let client: CommandClient;
  let worker: Worker;

  beforeEach(async () => {
    bus = new MemoryBus();
    client = await CommandClient.open(bus, ['payments']);
    worker = createWorker({
      bus,
      handlers: [stepHandler('payments.charge', { barrier: 'none' }, () => ({ ok: true }))],
    });
    await worker.start();
  });
  afterEach(async () => {
    await worker.stop();
    await bus.close();
  });

  test('a poison command becomes a dead letter and a failed reply, and the next command is served', async () => {
    const command = client.command('payments.charge', {});
    const bytes = new TextEncoder().encode(
      JSON.stringify({ ...command, type: 'counterstep.command.v9', timeout: -1 }),
    );
    await client.send(bytes, 'payments');
    const letter = await client.deadLetter(() => true);
    expect(letter.data).toMatchObject({ code: 'BAD_ENVELOPE', topic: 'counterstep.commands.payments' });
    expect(Buffer.from(letter.data.value, 'base64').equals(Buffer.from(bytes))).toBe(true);
    const told = await client.reply((reply) => reply.outcome === 'failed');
    expect(told).toMatchObject({
      effectkey: command.effectkey,
      replytoken: command.replytoken,
      worker: 'payments.charge',
      data: { error: { code: 'POISON', retryable: false } },
    });
    const next = client.command('payments.charge', {}, { step: 'next' });
    expect(await client.ask(next)).toMatchObject({ outcome: 'succeeded' });
  });

  test.each<[string, Uint8Array, string]>([
    ['is not JSON', new TextEncoder().encode('{'), 'NOT_JSON'],
    ['is not UTF-8', new Uint8Array([0xff, 0xfe]), 'NOT_UTF8'],
    ['holds U+0000', new TextEncoder().encode('{"a":"\\u0000"}'), 'UNSTORABLE_TEXT'],
    ['is too large to be kept whole', new TextEncoder().encode('x'.repeat(1_000_000)), 'NOT_JSON'],
  ])('a message that %s becomes a dead letter without a reply', async (_, bytes, code) => {
    await client.send(bytes, 'payments');
    expect((await client.deadLetter(() => true)).data.code).toBe(code);
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({ outcome: 'succeeded' });
    expect(client.replies).toHaveLength(1);
  });
});
