import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { Desk, factsOf, inInbox, sagaOf } from './support/desk.js';
import type { AppProcess } from './support/processes.js';
import { System, type OrchestratorProcess } from './support/system.js';

let system: System;
let orchestrator: OrchestratorProcess;
let desk: Desk;
let worker: AppProcess;

beforeAll(async () => {
  system = await System.create();
  desk = await Desk.open(system);
  worker = desk.startWorker();
  orchestrator = await system.startOrchestrator();
  await orchestrator.ready();
}, 90_000);

afterEach(async () => {
  await system.checkPromises();
});

afterAll(async () => {
  await system.stop();
}, 60_000);

describe('an effect whose reply is late, or never comes', () => {
  it('is undone at once when the attempt is over, and again when it happens after that', async () => {
    const sagaId = await desk.start(orchestrator, 'late', { charge: ['hold'], 'reserve:undo': ['hold'] });
    await desk.arrived(sagaId, 'charge');
    await desk.arrived(sagaId, 'reserve:undo');
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'undo charge']);
    await desk.openGate(sagaId, 'charge');
    await desk.wrote(sagaId, 'undo charge', 2);
    await desk.openGate(sagaId, 'reserve:undo');
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { step: 'charge' },
    });
    expect(await desk.ledger(sagaId)).toEqual([
      'reserve',
      'undo charge',
      'charge',
      'undo charge',
      'undo reserve',
    ]);
    expect(await desk.standing(sagaId)).toEqual([]);
    const late = (await factsOf(orchestrator, sagaId)).filter(({ type }) => type === 'lateSuccess');
    expect(late).toMatchObject([{ step: 'charge', again: 'always' }]);
  }, 60_000);

  it('is put to a person when it happens after the end, and the end stays', async () => {
    const sagaId = await desk.start(orchestrator, 'late', { charge: ['hold'] });
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'compensated' });
    await desk.openGate(sagaId, 'charge');
    expect(await inInbox(orchestrator, sagaId, 'LATE_EFFECT')).toMatchObject({ state: 'compensated' });
    const answer = await orchestrator.request('POST', `/api/v1/sagas/${sagaId}/interventions`, {
      verb: 'resolve',
      outcome: 'rejected',
      evidence: 'refund 4711 of the bank',
      actor: 'ann',
      reason: 'refunded by hand',
    });
    expect(answer).toMatchObject({ status: 202, body: { state: 'compensated', attention: [] } });
    expect((await factsOf(orchestrator, sagaId)).slice(-1)).toMatchObject([
      { type: 'intervened', verb: 'resolve', actor: 'ann', evidence: 'refund 4711 of the bank' },
    ]);
  }, 60_000);

  it('of a worker that is killed before it replies: replayed to who waits, undone for who has given up', async () => {
    const waits = await desk.start(orchestrator, 'patient', { charge: ['mute'] });
    const givesUp = await desk.start(orchestrator, 'impatient', { charge: ['mute'] });
    for (const sagaId of [waits, givesUp]) await desk.wrote(sagaId, 'charge');
    await worker.end('SIGKILL');
    await waitFor(async () => (await orchestrator.status(givesUp)).phase === 'compensating', {
      what: 'the saga gives up',
      timeoutMs: 30_000,
    });
    expect((await sagaOf(orchestrator, givesUp)).steps).toMatchObject([
      { name: 'charge', forward: { status: 'ended', outcome: 'unknown' } },
    ]);
    worker = desk.startWorker();
    expect(await orchestrator.ended(waits)).toMatchObject({
      state: 'completed',
      stepResults: { charge: { key: `${waits}/charge/1/forward` } },
    });
    expect(await desk.ledger(waits)).toEqual(['charge']);
    expect(await orchestrator.ended(givesUp)).toMatchObject({
      state: 'compensated',
      cause: { step: 'charge' },
    });
    expect(await desk.ledger(givesUp)).toEqual(['charge', 'undo charge']);
    expect(await desk.undoOf(givesUp, 'charge')).toMatchObject({ outcome: 'unknown' });
  }, 120_000);
  it('a command that comes again after its undo is refused: its effect never happens', async () => {
    const { replies } = system.topics;
    const commands = system.topics.commands('kept');
    const seen = system.read(commands, replies);
    const sagaId = await desk.start(orchestrator, 'patient', { charge: ['stuck'] });
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'compensated' });
    const about = (wanted: string, ...parts: string[]): { text: string } | undefined =>
      seen.find(
        ({ topic, text }) => topic === wanted && [sagaId, ...parts].every((part) => text.includes(part)),
      );
    const { text } = await waitFor(() => about(commands, '"direction":"forward"'), { what: 'its command' });
    await desk.openGate(sagaId, 'charge');
    await system.bus.publish([{ topic: commands, key: sagaId, value: Buffer.from(text) }]);
    await waitFor(() => about(replies, '"refused":true'), { what: 'the refusal' });
    expect(await desk.ledger(sagaId)).toEqual([]);
    expect(await sagaOf(orchestrator, sagaId)).toMatchObject({ state: 'compensated', attention: [] });
  }, 60_000);
});

describe('signs of life, and their absence, over Kafka', () => {
  it('a handler that gives them outlives its timeout in one attempt', async () => {
    const sagaId = await desk.start(orchestrator, 'beating', { upload: ['beat'] });
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed' });
    expect(await desk.ledger(sagaId)).toEqual(['upload', 'ship']);
    expect((await sagaOf(orchestrator, sagaId)).steps[0]).toMatchObject({ forward: { attempts: 1 } });
  }, 60_000);

  it('what they told is given to the compensation when no reply comes', async () => {
    const sagaId = await desk.start(orchestrator, 'beating', { upload: ['once', 'hold'] });
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { code: 'TIMEOUT', step: 'upload' },
    });
    expect(await desk.undoOf(sagaId, 'upload')).toMatchObject({
      outcome: 'unknown',
      undoData: { begun: 'upload' },
    });
    await desk.openGate(sagaId, 'upload');
    await inInbox(orchestrator, sagaId, 'LATE_EFFECT');
  }, 60_000);

  it('a queue without a worker is told apart from a worker that is too slow', async () => {
    const unserved = await desk.start(orchestrator, 'unserved');
    const slow = await desk.start(orchestrator, 'slow', { look: ['once', 'hold'] });
    expect(await orchestrator.ended(unserved)).toMatchObject({
      state: 'compensated',
      cause: { code: 'NOT_PICKED_UP', step: 'look' },
    });
    expect(await orchestrator.ended(slow)).toMatchObject({
      state: 'compensated',
      cause: { code: 'TIMEOUT', step: 'look' },
    });
    await desk.openGate(slow, 'look');
    await desk.wrote(slow, 'look');
  }, 60_000);

  it('a notice ends a handler that nobody waits for any more', async () => {
    const sagaId = await desk.start(orchestrator, 'three', { charge: ['heed'] });
    await desk.arrived(sagaId, 'charge');
    const answer = await orchestrator.request('POST', `/api/v1/sagas/${sagaId}/cancel`, {
      reason: 'too dear',
    });
    expect(answer).toMatchObject({ status: 202, body: { phase: 'cancelling' } });
    await desk.arrived(sagaId, 'charge:CANCELLED');
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'cancelled' });
    expect(await desk.standing(sagaId)).toEqual([]);
  }, 60_000);
});
