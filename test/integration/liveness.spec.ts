import { isFinished, isLive, rowOf, type Saga } from '@counterstep/core';
import { Tale } from '@counterstep/testing';
import { PostgresStore, migrate } from '@counterstep/store';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { RandomSaga, happenings, shapes, workflowOf } from '../../libs/core/test-support/random-saga.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

let database: FreshDatabase;
let admin: pg.Client;
let store: PostgresStore;

beforeAll(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  admin = new pg.Client(database.url);
  await admin.connect();
  store = new PostgresStore({ url: database.url });
  await store.open();
});

afterAll(async () => {
  await store.close();
  await admin.end();
  await database.drop();
});

/** As `saga` would be if some of what it waits for had been forgotten. */
function forgetful(saga: Saga, forgotten: number, deadline: number | undefined): Saga {
  const steps = Object.values(saga.steps).map((step, index) => {
    if ((forgotten >> (index % 8)) % 2 === 0) return step;
    const { until: _, forward, undo, ...rest } = step;
    const without = <Kind extends object>(attempts: Kind & { dueAt?: number }) => {
      const { dueAt: __, ...others } = attempts;
      return others;
    };
    return { ...rest, ...(forward && { forward: without(forward) }), ...(undo && { undo: without(undo) }) };
  });
  const { stalls: _, deadline: __, ...rest } = saga;
  return {
    ...rest,
    attention: forgotten % 3 === 0 ? [] : saga.attention,
    steps: Object.fromEntries(steps.map((step) => [step.path, step])),
    ...(deadline !== undefined && { deadline }),
  };
}

const INSERT = `
  INSERT INTO counterstep.saga (id, workflow, workflow_version, digest, version, state, direction, aim, paused, attention,
    position, held, due_at, deadline, due_bucket, lane, number, created_at, updated_at)
  VALUES ($1, 'w', 1, 'd', 1, $2, $3, $4, $5, $6, '[]', $7, $8, $9, least($8::bigint, $9::bigint) / 60000, 1, 1, 1, 1)`;

function insert(sagaId: string, saga: Saga): Promise<unknown> {
  const { state, direction, aim, paused, attention, dueAt, deadline } = rowOf(saga);
  const items = attention.length > 0 ? JSON.stringify(attention) : null;
  const isHeld = attention.some(({ hold }) => hold);
  const values = [sagaId, state, direction, aim, paused, items, isHeld, dueAt ?? null, deadline ?? null];
  return admin.query(INSERT, values);
}

test('isLive, the query for sagas that hang and the constraint of the schema say the same of every saga', async () => {
  const sagas = new Map<string, Saga>();
  const sample = fc.tuple(shapes, happenings, fc.nat({ max: 255 }), fc.option(fc.constant(9_000_000_000)));
  for (const [shape, list, forgotten, deadline] of fc.sample(sample, { numRuns: 400, seed: 7 })) {
    const random = new RandomSaga(workflowOf(shape));
    for (const happening of list.slice(0, 6)) random.happen(happening);
    const saga = forgetful(random.saga, forgotten, deadline ?? undefined);
    if (!isFinished(saga)) sagas.set(new Tale().sagaId, saga);
  }
  const live = [...sagas].filter(([, saga]) => isLive(saga)).map(([sagaId]) => sagaId);
  const hanging = [...sagas.keys()].filter((sagaId) => !live.includes(sagaId));
  expect(live.length).toBeGreaterThan(50);
  expect(hanging.length).toBeGreaterThan(50);
  expect(hanging.some((sagaId) => sagas.get(sagaId)?.deadline !== undefined)).toBe(true);

  for (const [sagaId, saga] of sagas)
    if (!isLive(saga))
      await expect(insert(sagaId, saga)).rejects.toMatchObject({ constraint: 'saga_does_not_hang' });
  await admin.query('ALTER TABLE counterstep.saga DROP CONSTRAINT saga_does_not_hang');
  for (const [sagaId, saga] of sagas) await insert(sagaId, saga);
  expect((await store.hangingSagas(1_000)).sort()).toEqual(hanging.sort());
  expect(await store.vitals(0)).toMatchObject({ hanging: hanging.length, overdue: 0 });
  // So that the check after every test finds none.
  await admin.query('DELETE FROM counterstep.saga');
}, 60_000);
