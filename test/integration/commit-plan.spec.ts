import { migrate } from '@counterstep/store';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { PLANNING, commitText } from '../../libs/store/src/commit-sql.js';
import type { CommitParts } from '../../libs/store/src/commit-sql.js';
import { freshDatabase } from '../support/postgres.js';

/*
 * A lane's statement is planned with the statistics of that moment and used for hours. What seems cheap when a table is
 * empty, to read all of it for each row of the batch, is not when it has filled.
 */

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Recheck Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

const TABLES = 'counterstep.saga, counterstep.finished_saga, counterstep.saga_key, counterstep.history';
const ROWS = 4_000;
const both = [true, false];
const PARTS: readonly CommitParts[] = both.flatMap((ends) =>
  both.flatMap((keys) => both.map((parks) => ({ ends, keys, parks }))),
);

let database: Awaited<ReturnType<typeof freshDatabase>>;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  client = new pg.Client(database.url);
  await client.connect();
  for (const [name, value] of Object.entries(PLANNING)) await client.query(`SET ${name} = ${value}`);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

describe('the statement of a batch looks rows up by key', () => {
  test('when nothing was ever there', () => expectLookUps());

  test('when the tables were analyzed while they were empty', async () => {
    await fill();
    await client.query('DELETE FROM counterstep.saga');
    await client.query('DELETE FROM counterstep.finished_saga');
    await client.query('DELETE FROM counterstep.saga_key');
    await client.query(`ANALYZE ${TABLES}`);
    await expectLookUps();
  });

  test('when they were vacuumed while they were empty', async () => {
    await client.query(`VACUUM (ANALYZE) ${TABLES}`);
    await expectLookUps();
  });

  test('when they are full', async () => {
    await fill();
    await client.query(`VACUUM (ANALYZE) ${TABLES}`);
    await expectLookUps();
  });
});

async function expectLookUps(): Promise<void> {
  for (const parts of PARTS) {
    const scans = (await planOf(parts)).filter(
      (node) => node['Node Type'].endsWith('Scan') && node['Relation Name'] !== undefined,
    );
    const unconditioned = scans.filter((node) => !(node['Index Cond'] ?? node['Recheck Cond']));
    expect(scans.length).toBeGreaterThanOrEqual(4);
    expect({ parts, unconditioned }).toEqual({ parts, unconditioned: [] });
  }
}

/** Every node of the generic plan. */
async function planOf(parts: CommitParts): Promise<PlanNode[]> {
  const arrays = (parts.keys ? 6 : 0) + (parts.parks ? 5 : 0) + 2;
  await client.query(`PREPARE batch AS ${commitText(parts)}`);
  const values = ['1', '1', '0', ...Array.from({ length: arrays }, () => `'{}'`)];
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (FORMAT JSON) EXECUTE batch (${values.join()})`,
  );
  await client.query('DEALLOCATE batch');
  return rows.flatMap((row) => nodesOf(row['QUERY PLAN'][0].Plan));
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

async function fill(): Promise<void> {
  const common = `id, created_at, updated_at, number, lane, workflow_version, version, paused, workflow, digest,
    direction, aim, position, state`;
  const values = `gen_random_uuid(), 1, 1, n, 1, 1, 1, false, 'order', 'd', 'forward', 'completed', '[]'`;
  const numbers = `generate_series(1, ${ROWS}) AS n`;
  await client.query(
    `INSERT INTO counterstep.saga (${common}, held, due_at, due_bucket) SELECT ${values}, 'running', false, 60000, 1 FROM ${numbers}`,
  );
  await client.query(
    `INSERT INTO counterstep.finished_saga (${common}) SELECT ${values}, 'completed' FROM ${numbers}`,
  );
  await client.query(
    `INSERT INTO counterstep.saga_key (scope, key, saga_id, body_hash, closed, created_at)
      SELECT 'request', 'k' || n, gen_random_uuid(), 'h', false, 1 FROM ${numbers}`,
  );
}
