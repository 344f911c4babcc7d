import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { Desk, factsOf, inInbox, sagaOf } from './support/desk.js';
import { System, type OrchestratorProcess } from './support/system.js';

let system: System;
let orchestrator: OrchestratorProcess;
let desk: Desk;

beforeAll(async () => {
  system = await System.create();
  desk = await Desk.open(system);
  desk.startWorker();
  orchestrator = await system.startOrchestrator();
  await orchestrator.ready();
}, 90_000);

afterEach(async () => {
  await system.checkPromises();
});

afterAll(async () => {
  await system.stop();
}, 60_000);

const ask = (sagaId: string, path: string, body: object): Promise<{ status: number; body: unknown }> =>
  orchestrator.request('POST', `/api/v1/sagas/${sagaId}/${path}`, body);

describe('what a person is asked, and answers, over HTTP', () => {
  it('an undo that keeps failing waits in the inbox until somebody acts, and history says who and why', async () => {
    const sagaId = await desk.start(orchestrator, 'stubborn', {
      ship: ['reject'],
      'charge:undo': ['stuck'],
    });
    const { attention } = await inInbox(orchestrator, sagaId, 'COMPENSATION_FAILED');
    expect(attention).toMatchObject([{ step: 'charge', direction: 'undo' }]);
    expect(await sagaOf(orchestrator, sagaId)).toMatchObject({
      state: 'running',
      phase: 'attention',
      attention: [{ verbs: ['retry', 'resolve', 'giveUp'] }],
    });
    const asked = { actor: 'ann', reason: 'the bank is back' };
    expect(await ask(sagaId, 'interventions', { verb: 'skip', ...asked })).toMatchObject({
      status: 409,
      body: { code: 'NOT_ALLOWED', allowed: ['retry', 'resolve', 'giveUp'] },
    });
    expect(await ask(sagaId, 'interventions', { verb: 'retry', reason: 'no name' })).toMatchObject({
      status: 400,
    });
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'charge']);
    await desk.openGate(sagaId, 'charge:undo');
    expect((await ask(sagaId, 'interventions', { verb: 'retry', step: 'charge', ...asked })).status).toBe(
      202,
    );
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'compensated', cause: { step: 'ship' } });
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'charge', 'undo charge', 'undo reserve']);
    const told = (await factsOf(orchestrator, sagaId)).filter(({ type }) => type === 'intervened');
    expect(told).toMatchObject([{ verb: 'retry', step: 'charge', direction: 'undo', ...asked }]);
    expect(await ask(sagaId, 'interventions', { verb: 'retry', ...asked })).toMatchObject({ status: 409 });
  }, 60_000);

  it('pause: the reply is applied and nothing is sent; resume goes on', async () => {
    const sagaId = await desk.start(orchestrator, 'three', { charge: ['hold'] });
    await desk.arrived(sagaId, 'charge');
    const answer = await ask(sagaId, 'pause', { actor: 'ann', reason: 'stocktaking' });
    expect(answer).toMatchObject({ status: 202, body: { phase: 'paused' } });
    await desk.openGate(sagaId, 'charge');
    await waitForResult(sagaId, 'charge');
    expect(await commandsOf(sagaId)).toEqual(['reserve', 'charge']);
    expect(await sagaOf(orchestrator, sagaId)).toMatchObject({ phase: 'paused' });
    expect((await ask(sagaId, 'resume', { actor: 'bob' })).status).toBe(202);
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed' });
    expect((await factsOf(orchestrator, sagaId)).filter(({ type }) => type === 'paused')).toMatchObject([
      { actor: 'ann', reason: 'stocktaking' },
    ]);
  }, 60_000);

  it('terminate wants a reason, undoes nothing, and lists what may stand', async () => {
    const sagaId = await desk.start(orchestrator, 'three', { ship: ['hold'] });
    await desk.arrived(sagaId, 'ship');
    expect((await ask(sagaId, 'terminate', { actor: 'ann' })).status).toBe(400);
    const answer = await ask(sagaId, 'terminate', { actor: 'ann', reason: 'a court order' });
    expect(answer).toMatchObject({ status: 202, body: { state: 'failed' } });
    const { notUndone } = await sagaOf(orchestrator, sagaId);
    expect(notUndone).toEqual(expect.arrayContaining(['reserve', 'charge']));
    expect((await factsOf(orchestrator, sagaId)).filter(({ type }) => type === 'terminated')).toMatchObject([
      { actor: 'ann', reason: 'a court order' },
    ]);
    expect(await ask(sagaId, 'cancel', {})).toMatchObject({ status: 409, body: { code: 'SAGA_CLOSED' } });
    await desk.openGate(sagaId, 'ship');
    await desk.wrote(sagaId, 'ship');
    await inInbox(orchestrator, sagaId, 'LATE_EFFECT');
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'charge', 'ship']);
  }, 60_000);

  it('an approval that comes before it is waited for is kept, and counts once', async () => {
    const sagaId = await desk.start(orchestrator, 'approved', { reserve: ['hold'] });
    await desk.arrived(sagaId, 'reserve');
    const approval = { id: 'mail-1', data: { approved: true }, actor: 'bea' };
    for (let times = 0; times < 2; times += 1)
      expect((await ask(sagaId, 'signals/boss', approval)).status).toBe(202);
    expect(await ask(sagaId, 'signals/cook', { data: {} })).toMatchObject({
      status: 409,
      body: { code: 'UNKNOWN_SIGNAL', allowed: ['boss'] },
    });
    const nobody = '01900000-0000-7000-8000-000000000000';
    expect(await ask(nobody, 'signals/boss', approval)).toMatchObject({ status: 404 });
    expect(await orchestrator.status(sagaId)).toMatchObject({ currentStep: 'reserve' });
    await desk.openGate(sagaId, 'reserve');
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'completed',
      stepResults: { boss: { approved: true } },
    });
    expect((await factsOf(orchestrator, sagaId)).filter(({ type }) => type === 'signalled')).toMatchObject([
      { name: 'boss', id: 'mail-1', actor: 'bea' },
    ]);
  }, 60_000);

  it('an approval that says no undoes what was done', async () => {
    const sagaId = await desk.start(orchestrator, 'approved');
    await ask(sagaId, 'signals/boss', { data: { approved: false } });
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { code: 'NOT_APPROVED', step: 'boss' },
    });
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'undo reserve']);
  }, 60_000);

  it('after the pivot a saga is carried through: no cancel, and a person repeats what keeps failing', async () => {
    const sagaId = await desk.start(orchestrator, 'pivot', { notify: ['stuck'] });
    await inInbox(orchestrator, sagaId, 'RETRIABLE_FAILED');
    expect(await ask(sagaId, 'cancel', { reason: 'too late' })).toMatchObject({
      status: 409,
      body: { code: 'PAST_PIVOT' },
    });
    const { attention } = await sagaOf(orchestrator, sagaId);
    expect(attention).toMatchObject([{ step: 'notify', verbs: ['retry', 'resolve', 'skip', 'giveUp'] }]);
    await desk.openGate(sagaId, 'notify');
    await ask(sagaId, 'interventions', { verb: 'retry', actor: 'ann', reason: 'mail works again' });
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed' });
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'pay', 'notify']);
  }, 60_000);

  it('a pivot that is rejected turns the saga', async () => {
    const sagaId = await desk.start(orchestrator, 'pivot', { pay: ['reject'] });
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'compensated', cause: { step: 'pay' } });
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'undo reserve']);
  }, 60_000);
});

async function commandsOf(sagaId: string): Promise<unknown[]> {
  const facts = await factsOf(orchestrator, sagaId);
  return facts.filter(({ type }) => type === 'command').map(({ step }) => step);
}

async function waitForResult(sagaId: string, step: string): Promise<void> {
  await waitFor(async () => (await sagaOf(orchestrator, sagaId)).stepResults[step], {
    what: `the result of ${step}`,
  });
}
