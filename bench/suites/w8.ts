import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from, to } from 'pg-copy-streams';
import { freshDatabase } from '../../test/support/postgres.js';
import type { LoadOrder } from '../children/load.js';
import { Fleet } from '../fleet.js';
import { measure } from '../measure.js';
import { openLoop, openOrder } from './loops.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

const FINISHED = 1_000_000;
const IN_FLIGHT = 256;
const SAGAS = 10_000;
/** A ratio of two single figures says little. */
const LEAST_REPEATS = 3;

/** W1 on an empty database and on one that is full of finished sagas, by turns: closed loops, then open ones of one rate. */
export const w8: Suite = async (run, servers) => {
  const finished = run.scaled(FINISHED);
  const full = await freshDatabase(servers.postgres.url);
  const order = { inFlight: IN_FLIGHT, sagas: run.scaled(SAGAS, IN_FLIGHT) };
  try {
    // What is copied are sagas that ran.
    await Fleet.with(servers, { workload: 'W8' }, (fleet) => fleet.load({ inFlight: 1, sagas: 1 }), full.url);
    await multiplyFinished(full.url, finished);
    const beside = async (order: LoadOrder, load: string, repeat: number): Promise<void> => {
      const empty = { workload: 'W8', variant: `empty${load}`, repeat };
      await run.row(empty, () => measure(servers, { key: empty, order }));
      const key = { workload: 'W8', variant: `full${load}`, repeat };
      await run.row(key, async () => ({
        ...(await measure(servers, { key, order, databaseUrl: full.url })),
        figures: { finishedBefore: finished },
      }));
    };
    const repeats = Math.max(LEAST_REPEATS, run.repeats);
    await repeated(repeats, (repeat) => beside(order, '', repeat));
    const open = openOrder(run, run.best('W8', 'empty'));
    await repeated(repeats, (repeat) => beside(open, `, ${openLoop()}`, repeat));
  } finally {
    await full.drop();
  }
};

/** Copies the only finished saga, with its history, so often, under ids as they would have had in the hours before. */
async function multiplyFinished(databaseUrl: string, times: number): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM counterstep.finished_saga');
    const [only] = rows;
    if (!only || rows.length > 1) throw new Error('exactly one saga was to be finished');
    const newest = Date.now();
    for (const table of ['finished_saga', 'history']) {
      const sample = await text(client.query(to(`COPY counterstep.${table} TO STDOUT`)));
      const into = client.query(from(`COPY counterstep.${table} FROM STDIN`));
      await pipeline(Readable.from(copies(sample, only.id, times, newest)), into);
    }
    await client.query('VACUUM (ANALYZE) counterstep.finished_saga, counterstep.history');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

/** Ids are in the order of time, a hundredth of a second apart. */
function* copies(sample: string, id: string, times: number, newest: number): Generator<string> {
  const random = Array.from({ length: 1_000 }, () => randomUUID().slice(15));
  for (let n = 1; n <= times; n += 1) {
    const time = (newest - 10 * (times - n + 1)).toString(16).padStart(12, '0');
    yield sample.replaceAll(id, `${time.slice(0, 8)}-${time.slice(8)}-7${random[n % random.length]}`);
  }
}
