import pg from 'pg';
import { freshDatabase } from '../../test/support/postgres.js';
import { Fleet } from '../fleet.js';
import { measure } from '../measure.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

const FINISHED = 1_000_000;
const IN_FLIGHT = 256;
const SAGAS = 10_000;
/** A ratio of two single figures says little. */
const LEAST_REPEATS = 3;

/** W1 on an empty database and on one that is full of finished sagas, by turns. */
export const w8: Suite = async (run, servers) => {
  const finished = run.scaled(FINISHED);
  const full = await freshDatabase(servers.postgres.url);
  const order = { inFlight: IN_FLIGHT, sagas: run.scaled(SAGAS, IN_FLIGHT) };
  const warmUp = 2 * IN_FLIGHT;
  try {
    // What is copied are sagas that ran.
    await Fleet.with(servers, { workload: 'W8' }, (fleet) => fleet.load({ inFlight: 1, sagas: 1 }), full.url);
    await multiplyFinished(full.url, finished);
    await repeated(Math.max(LEAST_REPEATS, run.repeats), async (repeat) => {
      const empty = { workload: 'W8', variant: 'empty', repeat };
      await run.row(empty, () => measure(servers, { key: empty, order, warmUp }));
      const beside = { workload: 'W8', variant: 'full', repeat };
      await run.row(beside, async () => ({
        ...(await measure(servers, { key: beside, order, warmUp, databaseUrl: full.url })),
        figures: { finishedBefore: finished },
      }));
    });
  } finally {
    await full.drop();
  }
};

/** Copies the only finished saga, with its history, so often, under ids as they would have had in the hours before. */
async function multiplyFinished(databaseUrl: string, times: number): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await client.query(
      `CREATE TEMP TABLE made AS
       SELECT n, (substr(ms, 1, 8) || '-' || substr(ms, 9, 4) || '-7' || substr(noise, 1, 3) || '-8' || substr(noise, 4, 3)
         || '-' || substr(noise, 7, 12))::uuid AS id
       FROM generate_series(1, $1::int) AS n,
         LATERAL (SELECT lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 10 * ($1 - n + 1)), 12, '0'),
           md5(n::text)) AS made (ms, noise)`,
      [times],
    );
    await client.query('CREATE TEMP TABLE sample AS SELECT * FROM counterstep.finished_saga LIMIT 1');
    await client.query(
      'CREATE TEMP TABLE steps AS SELECT history.* FROM counterstep.history JOIN sample ON sample.id = saga_id',
    );
    await copyRows(client, 'finished_saga', 'id', 'sample');
    await copyRows(client, 'history', 'saga_id', 'steps');
    await client.query('VACUUM (ANALYZE) counterstep.finished_saga, counterstep.history');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

async function copyRows(client: pg.Client, table: string, id: string, samples: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(column_name) AS name FROM information_schema.columns
      WHERE table_schema = 'counterstep' AND table_name = $1 ORDER BY ordinal_position`,
    [table],
  );
  const names = rows.map(({ name }) => name);
  const values = names.map((name) => (name === id ? 'made.id' : `${samples}.${name}`));
  await client.query(
    `INSERT INTO counterstep.${table} (${names.join(', ')})
     SELECT ${values.join(', ')} FROM made CROSS JOIN ${samples} ORDER BY made.n`,
  );
}
