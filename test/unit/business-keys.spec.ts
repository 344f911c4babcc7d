import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryBroker, type Bus } from '@counterstep/bus';
import { WorkflowBuilder } from '@counterstep/core';
import { MemoryStore, Orchestrator, type StartOptions } from '@counterstep/engine';
import { START_TYPE, encodeMessage, topicsOf, type StartMessage } from '@counterstep/protocol';
import { Responder } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

const only = { readOnly: true, attemptTimeout: 600_000 };
const order = new WorkflowBuilder('order').addStep('pick', 'stock.pick', only).build();
const refund = new WorkflowBuilder('refund').addStep('pay', 'stock.pay', only).build();

let broker: MemoryBroker;
let bus: Bus;
let store: MemoryStore;
let orchestrator: Orchestrator;
let responder: Responder;

beforeEach(async () => {
  broker = new MemoryBroker();
  bus = broker.connect();
  store = new MemoryStore();
  orchestrator = new Orchestrator({ workflows: [order, refund], eventBus: bus, stateStore: store });
  await orchestrator.start();
  responder = new Responder(broker.connect(), () => undefined).listen('stock');
});

afterEach(async () => {
  await responder.close();
  await orchestrator.stop();
  await bus.close({ drainMs: 0 });
});

type Policy = NonNullable<StartOptions['businessKey']>['policy'];

const about = (policy: Policy, key = 'o-1'): StartOptions => ({ businessKey: { key, policy } });
const start = (options: StartOptions, input: object = {}, workflow = 'order') =>
  orchestrator.startSaga(workflow, input, options);
const count = async () => (await store.list({ limit: 1_000 })).length;

async function finish(sagaId: string): Promise<void> {
  const command = await waitFor(() => responder.received.find(({ sagaid }) => sagaid === sagaId), {
    what: 'its command',
  });
  await responder.reply(command, { outcome: 'succeeded', data: { output: {} } });
  await waitFor(async () => (await orchestrator.getStatus(sagaId)).state === 'completed', {
    what: 'its end',
  });
}

describe('a business key', () => {
  it('under `reject` refuses a second saga, open or closed, and names the first', async () => {
    const { sagaId } = await start(about('reject'));
    const taken = { code: 'BUSINESS_KEY_TAKEN', retryable: false, facts: { sagaId } };
    await expect(start(about('reject'))).rejects.toMatchObject(taken);
    await finish(sagaId);
    await expect(start(about('reject'), { n: 2 })).rejects.toMatchObject(taken);
    expect(await count()).toBe(1);
  });

  it('under `returnExisting` gives the saga that has it, open or closed, whatever the input', async () => {
    const { sagaId } = await start(about('returnExisting'));
    expect(await start(about('returnExisting'), { n: 2 })).toEqual({ sagaId, existed: true });
    await finish(sagaId);
    expect(await start(about('returnExisting'))).toEqual({ sagaId, existed: true });
    expect(await count()).toBe(1);
  });

  it('under `startIfClosed` is refused while its saga is open, and starts anew when it has ended', async () => {
    const first = await start(about('startIfClosed'));
    await expect(start(about('startIfClosed'))).rejects.toMatchObject({
      code: 'BUSINESS_KEY_TAKEN',
      facts: { sagaId: first.sagaId },
    });
    await finish(first.sagaId);
    const second = await start(about('startIfClosed'));
    expect(second).toEqual({ sagaId: expect.not.stringMatching(first.sagaId), existed: false });
    expect(await start(about('returnExisting'))).toEqual({ sagaId: second.sagaId, existed: true });
    await expect(start(about('startIfClosed'))).rejects.toMatchObject({ facts: { sagaId: second.sagaId } });
  });

  it('belongs to its workflow: another may use the same', async () => {
    await start(about('reject'));
    expect(await start(about('reject'), {}, 'refund')).toMatchObject({ existed: false });
    expect(await start(about('reject', 'o-2'))).toMatchObject({ existed: false });
  });

  it.each(['', 'a\u0000b', '\ud800', 'x'.repeat(201)])('is refused as %j', async (key) => {
    await expect(start(about('reject', key))).rejects.toMatchObject({ code: 'BAD_BUSINESS_KEY' });
    expect(await count()).toBe(0);
  });

  it('with an unknown policy is refused', async () => {
    await expect(start(about('replace' as Policy))).rejects.toMatchObject({ code: 'BAD_BUSINESS_KEY' });
  });
});

describe('a business key and a request id', () => {
  const both = (requestId: string, policy: Policy, key?: string): StartOptions => ({
    requestId,
    ...about(policy, key),
  });

  it('the same request gets the same saga under every policy, also when the key has passed on', async () => {
    const first = await start(both('r-1', 'startIfClosed'));
    expect(await start(both('r-1', 'startIfClosed'))).toEqual({ sagaId: first.sagaId, existed: true });
    await finish(first.sagaId);
    expect(await start(both('r-1', 'startIfClosed'))).toEqual({ sagaId: first.sagaId, existed: true });
    const second = await start(both('r-2', 'startIfClosed'));
    expect(second.existed).toBe(false);
    expect(await start(both('r-1', 'startIfClosed'))).toEqual({ sagaId: first.sagaId, existed: true });
  });

  it('a request that got the saga of another gets it again, and no other body may use its id', async () => {
    const first = await start(about('returnExisting'));
    expect(await start(both('r-1', 'returnExisting'))).toEqual({ sagaId: first.sagaId, existed: true });
    await finish(first.sagaId);
    const second = await start(about('startIfClosed'));
    expect(await start(both('r-1', 'returnExisting'))).toEqual({ sagaId: first.sagaId, existed: true });
    expect(await start(both('r-2', 'returnExisting'))).toEqual({ sagaId: second.sagaId, existed: true });
    const conflict = { code: 'IDEMPOTENCY_CONFLICT', facts: { sagaId: first.sagaId } };
    await expect(start(both('r-1', 'returnExisting'), { n: 2 })).rejects.toMatchObject(conflict);
    await expect(start(both('r-1', 'returnExisting', 'o-2'))).rejects.toMatchObject(conflict);
  });

  it('a start that is refused for its business key leaves its request id free', async () => {
    const first = await start(about('startIfClosed'));
    await expect(start(both('r-1', 'startIfClosed'))).rejects.toMatchObject({ code: 'BUSINESS_KEY_TAKEN' });
    await finish(first.sagaId);
    expect(await start(both('r-1', 'startIfClosed'))).toMatchObject({ existed: false });
  });

  it('many at once, of few requests and few keys, get what each would have got alone', async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, n) => start(both(`r-${n % 20}`, 'returnExisting', `k-${n % 10}`))),
    );
    expect(await count()).toBe(10);
    expect(results.filter(({ existed }) => !existed)).toHaveLength(10);
    for (const [n, { sagaId }] of results.entries()) expect(sagaId).toBe(results[n % 10]?.sagaId);
  });
});

describe('a start by message', () => {
  async function send(id: string, source: string, data: Partial<StartMessage['data']> = {}): Promise<void> {
    const message = {
      specversion: '1.0',
      id,
      source,
      type: START_TYPE,
      data: { workflow: 'order', input: {}, ...data },
    };
    await bus.publish([{ topic: topicsOf('counterstep').starts, key: id, value: encodeMessage(message) }]);
  }

  it('may be put off, and say what the saga does when a step fails', async () => {
    await send('m-1', 'shop', { startAt: '2999-01-01T00:00:00+01:00', failureMode: 'hold' });
    await waitFor(async () => (await count()) === 1, { what: 'its saga' });
    const [row] = await store.list({ limit: 1 });
    expect(row).toMatchObject({ state: 'pending', dueAt: Date.UTC(2998, 11, 31, 23) });
    const context = await store.loadContext(row?.sagaId ?? '');
    expect(context?.saga.failureMode).toBe('hold');
  });

  it('may have a business key; a refusal goes to the dead letters', async () => {
    await send('m-1', 'shop', { businessKey: { key: 'o-1', policy: 'reject' } });
    await waitFor(async () => (await count()) === 1, { what: 'its saga' });
    await send('m-2', 'shop', { businessKey: { key: 'o-1', policy: 'returnExisting' } });
    await send('m-1', 'shop', { businessKey: { key: 'o-1', policy: 'reject' } });
    await send('m-3', 'shop', { businessKey: { key: 'o-1', policy: 'reject' } });
    await send('m-4', 'shop', { businessKey: { key: '', policy: 'reject' } });
    await waitFor(
      () => {
        const { deadLetters } = orchestrator.health();
        return deadLetters['BUSINESS_KEY_TAKEN'] === 1 && deadLetters['BAD_ENVELOPE'] === 1;
      },
      { what: 'two dead letters' },
    );
    expect(await count()).toBe(1);
  });

  it('does not meet a request of the API, whatever its source is called', async () => {
    await start({ requestId: 'x' });
    await send('x', 'api');
    await waitFor(async () => (await count()) === 2, { what: 'two sagas' });
    await start({ requestId: 'x', source: 'api' });
    expect(await count()).toBe(2);
  });
});
