import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { sagaPageSchema, startedSchema } from '@counterstep/protocol';
import { PostgresStore, migrate } from '@counterstep/store';
import { AppInProcess, ORDER } from '../support/app-in-process.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

jest.setTimeout(30_000);

let database: FreshDatabase;
let app: AppInProcess<PostgresStore>;

beforeAll(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  app = await new AppInProcess(new PostgresStore({ url: database.url })).start();
});

afterAll(async () => {
  await app.stop();
  await database.drop();
});

const idsOf = async (query: string) =>
  sagaPageSchema.parse((await app.api.get(`/api/v1/sagas?${query}`)).body).items.map(({ sagaId }) => sagaId);

test('of many starts at once with one Idempotency-Key one starts a saga, and all get it', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => app.order(ORDER, { 'idempotency-key': 'k-1' })),
  );
  const started = answers.map(({ body }) => startedSchema.parse(body));
  expect(new Set(started.map(({ sagaId }) => sagaId)).size).toBe(1);
  expect(started.filter(({ existed }) => !existed)).toHaveLength(1);
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(19).fill(200), 201]);
});

test('a used Idempotency-Key with another body is refused, also after its saga has ended', async () => {
  const { sagaId } = startedSchema.parse((await app.order(ORDER, { 'idempotency-key': 'k-2' })).body);
  await app.ended(sagaId, 'completed');
  const same = await app.order(ORDER, { 'idempotency-key': 'k-2' });
  expect(same).toMatchObject({ status: 200, body: { sagaId, existed: true } });
  const other = await app.order({ ...ORDER, orderId: 'o-2' }, { 'idempotency-key': 'k-2' });
  expect(other).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } });
});

test('pages run over finished and unfinished sagas, each once, the newest first', async () => {
  const expected = [];
  for (let n = 0; n < 6; n += 1) {
    // Every second one waits for its time.
    const startAt = n % 2 === 1 ? { startAt: '2100-01-01T00:00:00Z' } : {};
    const { body } = await app.api.post('/api/v1/sagas', { workflow: 'order', input: ORDER, ...startAt });
    const { sagaId } = startedSchema.parse(body);
    if (n % 2 === 0) await app.ended(sagaId, 'completed');
    expected.unshift(sagaId);
  }
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const { body } = await app.api.get(`/api/v1/sagas?limit=4${cursor ? `&cursor=${cursor}` : ''}`);
    const page = sagaPageSchema.parse(body);
    expect(page.items.length).toBeLessThanOrEqual(4);
    seen.push(...page.items.map(({ sagaId }) => sagaId));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(seen.slice(0, 6)).toEqual(expected);
  expect(new Set(seen).size).toBe(seen.length);
  expect(await idsOf('state=pending')).toEqual(expected.filter((_, index) => index % 2 === 0));
});

test('a refused order is listed with its cause', async () => {
  app.rejecting.add('payments.charge');
  const sagaId = await app.orderId();
  await app.ended(sagaId, 'compensated');
  const { body } = await app.api.get('/api/v1/sagas?state=compensated&workflow=order');
  expect(sagaPageSchema.parse(body).items).toMatchObject([
    { sagaId, state: 'compensated', cause: { code: 'CARD_DECLINED', step: 'charge' } },
  ]);
});
