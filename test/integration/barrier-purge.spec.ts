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
      `INSERT INTO worker.counterstep_barrier (effect_key, state, executions, undo_began, touched_at)
       SELECT 'old/' || i, 'succeeded', 1, false, now() - interval '40 days' FROM generate_series(1, 6000) i
       UNION ALL SELECT 'undone lately', 'succeeded', 1, true, now()
       UNION ALL SELECT 'new', 'succeeded', 1, false, now()`,
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
