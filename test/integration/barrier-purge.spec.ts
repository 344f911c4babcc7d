import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { ensureBarrierTable, purgeBarrier } from '@counterstep/worker';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

let database: FreshDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await ensureBarrierTable(client, { schema: 'worker' });
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

describe('the rows of a barrier', () => {
  test('that nothing has touched for longer than asked for are purged, the others stay', async () => {
    await client.query(
      `INSERT INTO worker.counterstep_barrier
         (effect_key, saga_id, step, run, direction, state, attempt, created_at, updated_at)
       SELECT 'old/' || i, $1::uuid, 's', 1, 'forward', 'succeeded', 1, at, at
       FROM generate_series(1, 6000) i, (SELECT now() - interval '40 days' AS at) AS long_ago
       UNION ALL SELECT 'undone lately', $1::uuid, 's', 1, 'forward', 'succeeded', 1, now() - interval '40 days', now()
       UNION ALL SELECT 'new', $1::uuid, 's', 1, 'forward', 'succeeded', 1, now(), now()`,
      ['01890000-0000-7000-8000-000000000001'],
    );
    const olderThan = new Date(Date.now() - 30 * 24 * 3_600_000);
    expect(await purgeBarrier(client, olderThan, { schema: 'worker' })).toBe(6_000);
    const { rows } = await client.query(`SELECT effect_key FROM worker.counterstep_barrier ORDER BY 1`);
    expect(rows).toEqual([{ effect_key: 'new' }, { effect_key: 'undone lately' }]);
  });

  test.each([
    ['six days', new Date(Date.now() - 6 * 24 * 3_600_000)],
    ['no date at all', new Date(NaN)],
  ])('are not purged after %s', async (_, olderThan) => {
    await expect(purgeBarrier(client, olderThan)).rejects.toMatchObject({ code: 'WORKER_CONFIG' });
  });
});
