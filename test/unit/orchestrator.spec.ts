import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryBroker, type Bus } from '@counterstep/bus';
import { WorkflowBuilder, isLive } from '@counterstep/core';
import { MemoryStore, Orchestrator } from '@counterstep/engine';
import { topicsOf, type Command } from '@counterstep/protocol';
import { ReplyTokens } from '../../libs/engine/src/reply-tokens.js';
import * as z from 'zod';
import { Responder, type Answer } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

const order = new WorkflowBuilder('order', { input: z.object({ orderId: z.string() }) })
  .withRetryConfig({ initialDelay: 1, maxDelay: 5 })
  .addStep('reserve', 'inventory.reserve', 'inventory.release')
  .addStep('charge', 'payments.charge', 'payments.refund')
  .addStep('ship', 'shipping.ship', 'shipping.cancel')
  .build();

let broker: MemoryBroker;
let bus: Bus;
let store: MemoryStore;
let orchestrator: Orchestrator;
let responder: Responder;
let answers: (command: Command) => Answer | undefined;

const succeed = (output: unknown = {}): Answer => ({ outcome: 'succeeded', data: { output } });

beforeEach(async () => {
  broker = new MemoryBroker();
  bus = broker.connect();
  store = new MemoryStore();
  answers = () => succeed();
  orchestrator = new Orchestrator({ workflow: order, eventBus: bus, stateStore: store });
  await orchestrator.start();
  responder = new Responder(broker.connect(), (command) => answers(command)).listen(
    'inventory',
    'payments',
    'shipping',
  );
});

afterEach(async () => {
  for (const id of await store.listContexts()) {
    const context = await store.loadContext(id);
    expect(context && isLive(context.saga)).toBe(true);
  }
  await responder.close();
  const last = new Map<number, number>();
  for (const { records } of await store.load(await store.listContexts()))
    for (const { lane, number } of records) last.set(lane, Math.max(number, last.get(lane) ?? 0));
  await orchestrator.stop();
  // A lane that is confirmed to its last record is forgotten when it closes.
  for (const [lane, number] of last)
    expect(store.database.lanes.get(lane)?.confirmed ?? Infinity).toBeGreaterThanOrEqual(number);
  await bus.close();
});

async function ended(sagaId: string): Promise<Awaited<ReturnType<Orchestrator['getStatus']>>> {
  return waitFor(
    async () => {
      const status = await orchestrator.getStatus(sagaId);
      return status.state !== 'running' && status.state !== 'pending' && status;
    },
    { what: `the end of saga ${sagaId}` },
  );
}

describe('an orchestrator in one process', () => {
  it('completes a saga and keeps its results', async () => {
    answers = (command) => succeed({ by: command.worker });
    const sagaId = await orchestrator.executeWorkflow('order', { orderId: 'A-1' });
    const status = await ended(sagaId);
    expect(status).toMatchObject({ state: 'completed', progress: 100, currentStep: null, error: null });
    expect(status.stepResults).toEqual({
      reserve: { by: 'inventory.reserve' },
      charge: { by: 'payments.charge' },
      ship: { by: 'shipping.ship' },
    });
    expect(responder.received[1]?.data).toEqual({ orderId: 'A-1', reserve: { by: 'inventory.reserve' } });
  });

  it('undoes in reverse order, the failed step first', async () => {
    answers = (command) =>
      command.worker === 'shipping.ship'
        ? {
            outcome: 'failed',
            data: { error: { code: 'NO_CARRIER', message: 'no carrier', retryable: false } },
          }
        : succeed({});
    const sagaId = await orchestrator.executeWorkflow('order', { orderId: 'A-2' });
    expect(await ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { code: 'NO_CARRIER', step: 'ship' },
    });
    expect(responder.workers.slice(3)).toEqual(['shipping.cancel', 'payments.refund', 'inventory.release']);
  });

  it('does not undo a step that was rejected', async () => {
    answers = (command) =>
      command.worker === 'payments.charge'
        ? { outcome: 'rejected', data: { error: { code: 'CARD_DECLINED', message: 'declined' } } }
        : succeed({});
    const sagaId = await orchestrator.executeWorkflow('order', { orderId: 'A-3' });
    expect(await ended(sagaId)).toMatchObject({ state: 'compensated', error: 'declined' });
    expect(responder.workers).toEqual(['inventory.reserve', 'payments.charge', 'inventory.release']);
  });

  it('retries a failed attempt under the same effect key', async () => {
    answers = (command) =>
      command.worker === 'payments.charge' && command.attempt < 3
        ? { outcome: 'failed', data: { error: { code: 'BUSY', message: 'busy' } } }
        : succeed({});
    const sagaId = await orchestrator.executeWorkflow('order', { orderId: 'A-4' });
    expect(await ended(sagaId)).toMatchObject({ state: 'completed' });
    const charges = responder.received.filter((command) => command.worker === 'payments.charge');
    expect(charges.map((command) => command.attempt)).toEqual([1, 2, 3]);
    expect(new Set(charges.map((command) => command.effectkey)).size).toBe(1);
  });

  it('cancels while a step is in flight, and says so again', async () => {
    answers = (command) => (command.worker === 'payments.charge' ? undefined : succeed({}));
    const sagaId = await orchestrator.executeWorkflow('order', { orderId: 'A-5' });
    const charge = await waitFor(() => responder.received.find((c) => c.worker === 'payments.charge'), {
      what: 'the charge',
    });
    expect(await orchestrator.cancelWorkflow(sagaId)).toBe(true);
    expect(await orchestrator.cancelWorkflow(sagaId)).toBe(true);
    expect(await orchestrator.getStatus(sagaId)).toMatchObject({ state: 'running', phase: 'cancelling' });
    await responder.reply(charge, succeed({ charged: true }));
    expect(await ended(sagaId)).toMatchObject({ state: 'cancelled' });
    expect(responder.workers.slice(2)).toEqual(['payments.refund', 'inventory.release']);
    expect(await orchestrator.cancelWorkflow(sagaId)).toBe(true);
  });

  it('gives the same saga for the same request id, and refuses another body', async () => {
    const first = await orchestrator.executeWorkflow('order', { orderId: 'A-6' }, { requestId: 'r-1' });
    expect(await orchestrator.executeWorkflow('order', { orderId: 'A-6' }, { requestId: 'r-1' })).toBe(first);
    await expect(
      orchestrator.executeWorkflow('order', { orderId: 'A-7' }, { requestId: 'r-1' }),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    const many = await Promise.all(
      Array.from({ length: 50 }, () =>
        orchestrator.executeWorkflow('order', { orderId: 'B' }, { requestId: 'r-2' }),
      ),
    );
    expect(new Set(many).size).toBe(1);
  });

  it('buries what is no reply, or is for no saga, counts it, and lives on', async () => {
    const sagaId = await orchestrator.executeWorkflow('order', { orderId: 'A-9' });
    await ended(sagaId);
    const [command] = responder.received;
    if (!command) throw new Error('no command came');
    const { replies } = topicsOf('counterstep');
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    await bus.publish([
      { topic: replies, key: sagaId, value: bytes('not JSON') },
      { topic: replies, key: sagaId, value: bytes('{"specversion":"1.0"}') },
      { topic: replies, key: sagaId, value: bytes('{"__proto__":{"polluted":true}}') },
    ]);
    await waitFor(
      () => {
        const { deadLetters } = orchestrator.health();
        return (
          deadLetters['NOT_JSON'] === 1 &&
          deadLetters['BAD_ENVELOPE'] === 1 &&
          deadLetters['FORBIDDEN_KEY'] === 1
        );
      },
      { what: 'three dead letters' },
    );
    const tokens = new ReplyTokens(await store.secret());
    const sagaid = '0190aaaa-bbbb-7ccc-8ddd-000000000000';
    const effectkey = `${sagaid}/reserve/1/forward`;
    const genuine = { ...command, sagaid, effectkey, replytoken: tokens.of(effectkey, command.worker) };
    await responder.reply(genuine, succeed());
    await waitFor(() => orchestrator.health().deadLetters['UNKNOWN_SAGA'] === 1, { what: 'a dead letter' });
    expect(await ended(await orchestrator.executeWorkflow('order', { orderId: 'A-10' }))).toMatchObject({
      state: 'completed',
    });
  });

  it('sends a forged reply to the dead letters, and waits on', async () => {
    answers = (command) => ({
      ...succeed({}),
      replytoken: command.worker === 'payments.charge' ? 'forged' : command.replytoken,
    });
    const sagaId = await orchestrator.executeWorkflow('order', { orderId: 'A-8' });
    await waitFor(() => orchestrator.health().deadLetters['FORGED_REPLY'] === 1, { what: 'a dead letter' });
    expect(await orchestrator.getStatus(sagaId)).toMatchObject({ state: 'running', currentStep: 'charge' });
    const charge = responder.received.find((c) => c.worker === 'payments.charge');
    if (charge) await responder.reply(charge, succeed({}));
    answers = () => succeed({});
    await waitFor(() => responder.received.some((c) => c.worker === 'shipping.ship'), {
      what: 'the shipment',
    });
  });
});

describe('what a caller may get wrong', () => {
  it('tells of an input schema that cannot be asked, and of ids that cannot be stored', async () => {
    const strange = new WorkflowBuilder('strange', {
      input: z.object({ id: z.string().refine(() => Promise.resolve(true)) }),
    })
      .addStep('only', 'queue.only', { readOnly: true })
      .build();
    const member = new Orchestrator({ workflow: strange, eventBus: bus, stateStore: new MemoryStore() });
    await member.start();
    await expect(member.executeWorkflow('strange', { id: 'a' })).rejects.toMatchObject({
      code: 'DEFINITION_ERROR',
    });
    await expect(
      orchestrator.executeWorkflow('order', { orderId: 'a' }, { requestId: 'a\u0000b' }),
    ).rejects.toMatchObject({ code: 'BAD_REQUEST_ID' });
    await expect(orchestrator.executeWorkflow('nothing', {})).rejects.toMatchObject({
      code: 'UNKNOWN_WORKFLOW',
    });
    await expect(orchestrator.executeWorkflow('order', { orderId: 7 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      problems: [{ path: 'orderId' }],
    });
    await expect(orchestrator.getStatus('no-id')).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    await expect(orchestrator.cancelWorkflow('0190aaaa-bbbb-7ccc-8ddd-000000000000')).rejects.toMatchObject({
      code: 'SAGA_NOT_FOUND',
    });
    expect(await store.listContexts()).toEqual([]);
    await member.stop();
  });
});
