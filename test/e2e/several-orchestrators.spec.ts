import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { Desk, inInbox, sagaOf } from './support/desk.js';
import { System, type OrchestratorProcess } from './support/system.js';

const VERSION_1 = 'test/e2e/versions/parcel-1.mjs';
const VERSION_2 = 'test/e2e/versions/parcel-2.mjs';
const DESK = 'test/e2e/workflows/desk.mjs';

let system: System;
/** It has version 1 of `parcel`, */
let old: OrchestratorProcess;
/** and this one has version 2. */
let next: OrchestratorProcess;
let desk: Desk;

const startOld = (): Promise<OrchestratorProcess> =>
  system.startOrchestrator({ WORKFLOWS: `${DESK},${VERSION_1}` });

beforeAll(async () => {
  system = await System.create();
  desk = await Desk.open(system);
  desk.startWorker();
  [old, next] = await Promise.all([
    startOld(),
    system.startOrchestrator({ WORKFLOWS: `${DESK},${VERSION_2}` }),
  ]);
  await Promise.all([old.ready(), next.ready()]);
}, 90_000);

afterEach(async () => {
  await system.checkPromises();
});

afterAll(async () => {
  await system.stop();
}, 60_000);

describe('a hundred starts of one business key at once, over two orchestrators', () => {
  const startAll = async (key: string, policy: string): Promise<Answer[]> =>
    Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const { status, body } = await (i % 2 ? old : next).request('POST', '/api/v1/sagas', {
          workflow: 'patient',
          input: { plan: { charge: ['hold'] }, i },
          businessKey: { key, policy },
        });
        return { status, ...(body as { sagaId: string; code?: string }) };
      }),
    );

  it.each([
    ['reject', { 201: 1, 409: 99 }, { 409: 100 }],
    ['returnExisting', { 201: 1, 200: 99 }, { 200: 100 }],
    ['startIfClosed', { 201: 1, 409: 99 }, { 201: 1, 409: 99 }],
  ])(
    'make one saga by the policy %s',
    async (policy, atFirst, afterItsEnd) => {
      const key = `order-of-${policy}`;
      const before = await sagasEver();
      const answers = await startAll(key, policy);
      expect(tally(answers)).toEqual(atFirst);
      const sagaId = onlySaga(answers);
      await desk.openGate(sagaId, 'charge');
      expect(await orchestratorsAgree(sagaId)).toBe('completed');
      const again = await startAll(key, policy);
      expect(tally(again)).toEqual(afterItsEnd);
      const second = onlySaga(again);
      await desk.openGate(second, 'charge');
      await next.ended(second);
      expect((await sagasEver()) - before).toBe(policy === 'startIfClosed' ? 2 : 1);
      expect([...(await desk.ledger(sagaId)), ...(await desk.ledger(second))]).toEqual(['charge', 'charge']);
      expect(second === sagaId).toBe(policy !== 'startIfClosed');
    },
    60_000,
  );
});

describe('two versions of a workflow, live at once', () => {
  it('each saga ends by the version that it began with, whoever gets its replies', async () => {
    const sagas = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const orchestrator = i % 2 ? old : next;
        return { sagaId: await desk.start(orchestrator, 'parcel'), isOld: orchestrator === old };
      }),
    );
    for (const { sagaId, isOld } of sagas) {
      expect(await orchestratorsAgree(sagaId)).toBe('completed');
      expect(await sagaOf(next, sagaId)).toMatchObject({ workflowVersion: isOld ? 1 : 2 });
      expect(await desk.ledger(sagaId)).toEqual(['pick', isOld ? 'wrap' : 'box']);
    }
  }, 60_000);

  it('sagas whose version has gone keep what comes for them, are put to a person, and go on when it is back', async () => {
    const plan = { pick: ['hold'] };
    const sagas = await Promise.all(Array.from({ length: 5 }, () => desk.start(old, 'parcel', plan)));
    for (const sagaId of sagas) await desk.arrived(sagaId, 'pick');
    await old.end('SIGTERM');
    expect(old.ending).toBe(0);
    for (const sagaId of sagas) await desk.openGate(sagaId, 'pick');
    await waitFor(
      async () => {
        const query = 'select distinct saga_id from counterstep.parked_input where saga_id = any($1::uuid[])';
        return (await system.db.query(query, [sagas])).rowCount === sagas.length;
      },
      { what: 'their replies are kept', timeoutMs: 60_000 },
    );
    // Nothing can be read into the reply, and nothing is lost: they stand where they stood.
    for (const sagaId of sagas) expect((await next.status(sagaId)).state).toBe('running');
    system.startScript('test/e2e/apps/impatient-orchestrator.mjs', { WORKFLOWS: VERSION_2 });
    for (const sagaId of sagas) await inInbox(next, sagaId, 'UNKNOWN_DEFINITION');
    old = await startOld();
    for (const sagaId of sagas) {
      expect(await next.ended(sagaId)).toMatchObject({ state: 'completed' });
      expect(await desk.ledger(sagaId)).toEqual(['pick', 'wrap']);
      expect(await sagaOf(next, sagaId)).toMatchObject({ attention: [], workflowVersion: 1 });
    }
  }, 120_000);
});

interface Answer {
  readonly status: number;
  readonly sagaId: string;
  readonly code?: string;
}

function tally(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function sagasEver(): Promise<number> {
  const query = 'select count(*)::int as sagas from counterstep.history where seq = 1';
  return (await system.db.query<{ sagas: number }>(query)).rows[0]?.sagas ?? 0;
}

/** The saga that all answers name, those that refuse too. */
function onlySaga(answers: readonly Answer[]): string {
  const ids = new Set(answers.map(({ sagaId }) => sagaId));
  expect(ids.size).toBe(1);
  expect(answers.every(({ status, code }) => status !== 409 || code === 'BUSINESS_KEY_TAKEN')).toBe(true);
  return [...ids][0] ?? '';
}

/** How the saga ended, if both say the same. */
async function orchestratorsAgree(sagaId: string): Promise<string> {
  const [one, other] = await Promise.all([old.ended(sagaId), next.ended(sagaId)]);
  expect(one).toEqual(other);
  return one.state;
}
