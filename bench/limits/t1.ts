import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freshDatabase } from '../../test/support/postgres.js';
import type { Servers } from '../servers.js';
import { absentLimit, connections, limitOf } from './limit.js';
import type { Limit } from './limit.js';
import { findProgram, outputOf } from './programs.js';

const TABLES = `
CREATE TABLE saga (id int PRIMARY KEY, state int NOT NULL DEFAULT 0, payload text);
INSERT INTO saga SELECT n, 0, repeat('x', 256) FROM generate_series(1, 20000) AS n;
CREATE TABLE record (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, saga_id int, at timestamptz DEFAULT now(), payload text);
CREATE TABLE message (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, saga_id int, at timestamptz DEFAULT now(), payload text);
`;

/** A step as engines make it that commit each by itself: the saga's row, a record of what happened, a message to send. */
const STEP = `\\set id random(1, 20000)
BEGIN;
UPDATE saga SET state = state + 1 WHERE id = :id;
INSERT INTO record (saga_id, payload) VALUES (:id, repeat('y', 256));
INSERT INTO message (saga_id, payload) VALUES (:id, repeat('z', 256));
COMMIT;
`;

const CONNECTIONS = [1, 16];
const SECONDS = 8;

/** pgbench: one commit per step, over so many connections. */
export async function t1Limit({ postgres: { url } }: Servers): Promise<Limit> {
  const program = findProgram('pgbench');
  if (program === undefined) return absentLimit('T1', 'pgbench is not installed');
  const database = await freshDatabase(url);
  const folder = await mkdtemp(join(tmpdir(), 'counterstep-pgbench-'));
  const script = join(folder, 'step.sql');
  try {
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query(TABLES).finally(() => client.end());
    await writeFile(script, STEP);
    const figures: Record<string, number> = {};
    for (const count of CONNECTIONS) {
      const load = ['-c', String(count), '-j', String(Math.min(2, count)), '-T', String(SECONDS)];
      const output = await outputOf(program, ['-n', '-M', 'prepared', '-f', script, ...load, database.url]);
      figures[connections(count)] = readTps(output);
    }
    return limitOf('T1', figures);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await database.drop();
  }
}

export function readTps(output: string): number {
  return Math.round(Number(/tps = ([\d.]+)/.exec(output)?.[1]));
}
