import { migrate } from '@counterstep/store';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { commitText } from '../../libs/store/src/commit-sql.js';
import { LOAD_ABOVE } from '../../libs/store/src/histories.js';
import * as lookups from '../../libs/store/src/lookups.js';
import { PLANNING } from '../../libs/store/src/planning.js';
import type { ReadPool } from '../../libs/store/src/read-pool.js';
import { freshDatabase } from '../support/postgres.js';

/*
 * A statement of a lane or a look-up is planned with the statistics of that moment and used for hours. What seems cheap when
 * a table is empty, to read all of it for each row of the batch, is not when it has filled.
 */

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Recheck Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

interface Statement {
  readonly name: string;
  readonly text: string;
  /** How many. */
  readonly parameters: number;
}

const TABLES = ['saga', 'finished_saga', 'saga_key', 'history'].map((name) => `counterstep.${name}`);
const ROWS = 4_000;

let lookUps: readonly Statement[];
let database: Awaited<ReturnType<typeof freshDatabase>>;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  client = new pg.Client(database.url);
  await client.connect();
  for (const [name, value] of Object.entries(PLANNING)) await client.query(`SET ${name} = ${value}`);
  lookUps = await lookUpStatements();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

describe('rows are looked up by key', () => {
  test('when nothing was ever there', () => expectLookUps());

  test('when the tables were analyzed while they were empty', async () => {
    await fill();
    for (const table of TABLES) await client.query(`DELETE FROM ${table}`);
    await client.query(`ANALYZE ${TABLES.join()}`);
    await expectLookUps();
  });

  test('when they were vacuumed while they were empty', async () => {
    await client.query(`VACUUM (ANALYZE) ${TABLES.join()}`);
    await expectLookUps();
  });

  test('when they are full', async () => {
    await fill();
    await client.query(`VACUUM (ANALYZE) ${TABLES.join()}`);
    await expectLookUps();
  });
});

async function expectLookUps(): Promise<void> {
  for (const { name, text, parameters } of [...batchStatements(), ...lookUps]) {
    const scans = (await planOf(text, parameters)).filter(
      (node) => node['Node Type'].endsWith('Scan') && TABLES.includes(`counterstep.${node['Relation Name']}`),
    );
    const unconditioned = scans.filter((node) => !(node['Index Cond'] ?? node['Recheck Cond']));
    expect({ name, scans: scans.length }).not.toEqual({ name, scans: 0 });
    expect({ name, unconditioned }).toEqual({ name, unconditioned: [] });
  }
}

/** All forms of a batch's statement. */
function batchStatements(): Statement[] {
  const both = [true, false];
  return both.flatMap((ends) =>
    both.flatMap((keys) =>
      both.map((parks) => ({
        name: `batch: ${JSON.stringify({ ends, keys, parks })}`,
        text: commitText({ ends, keys, parks }),
        parameters: (keys ? 6 : 0) + (parks ? 5 : 0) + 5,
      })),
    ),
  );
}

/** Those that touch what grows with the number of sagas. That of parked inputs reads them in their order until it has enough. */
async function lookUpStatements(): Promise<Statement[]> {
  const statements: Statement[] = [{ name: 'a dead lane', text: LOAD_ABOVE, parameters: 2 }];
  const pool = {
    query: ({ name = '', text, values = [] }: pg.QueryConfig): Promise<never[]> => {
      statements.push({ name, text, parameters: values.length });
      return Promise.resolve([]);
    },
  } as unknown as ReadPool;
  await lookups.loadHistories(pool, []);
  await lookups.loadAfter(pool, [], 1);
  await lookups.findFinished(pool, []);
  await lookups.findKeys(pool, []);
  await lookups.renewBuckets(pool, 0);
  await lookups.putOff(pool, []);
  await lookups.findDue(pool, 0, 1);
  await lookups.findReady(pool, [], 1, { except: [] });
  return statements;
}

/** Every node of the generic plan, for which the values do not matter. */
async function planOf(text: string, parameters: number): Promise<PlanNode[]> {
  await client.query(`PREPARE statement AS ${text}`);
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (FORMAT JSON) EXECUTE statement (${Array.from({ length: parameters }, () => 'NULL').join()})`,
  );
  await client.query('DEALLOCATE statement');
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
  await client.query(
    `INSERT INTO counterstep.history (saga_id, seq, at, event, facts, lane, number)
      SELECT gen_random_uuid(), 1, 1, 'begun', '{}', 1, n FROM ${numbers}`,
  );
}
