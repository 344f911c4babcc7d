import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Fleet } from '../fleet.js';
import { SYSTEM, quantiles } from '../row.js';
import type { Row, RowKey } from '../row.js';
import type { Run } from '../run.js';
import type { Servers } from '../servers.js';
import { StartsByMessage } from '../starts-by-message.js';
import { version } from '../version.js';
import { EFFECTS } from '../workloads/w9.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

/** Sagas per second: this share of what closed loops reached, but not more than a machine with all else on it bears. */
const SHARE = 0.3;
const MOST = 1_000;
const WITHOUT_W1 = 100;
const SECONDS_BEFORE = 6;
const SECONDS_AFTER = 14;
/** Accepted sagas that have not ended by then count as lost. */
const PATIENCE_MS = 120_000;

type Victim = 'orchestrator' | 'worker';

/** kill -9 under load, started again at once. Starts come by message, so that the load outlives the orchestrator. */
export const w9: Suite = (run, servers) =>
  repeated(run.repeats, async (repeat) => {
    for (const victim of ['orchestrator', 'worker'] as const) {
      const key = { workload: 'W9', variant: `kill -9 of the ${victim}`, repeat };
      await run.row(key, () => measureKill(servers, key, victim, rateFor(run)));
    }
  });

function rateFor(run: Run): number {
  const best = run.best();
  return best === undefined ? WITHOUT_W1 : Math.max(1, Math.min(MOST, Math.round(best * SHARE)));
}

async function measureKill(
  servers: Servers,
  key: Omit<RowKey, 'system'>,
  victim: Victim,
  rate: number,
): Promise<Row> {
  return Fleet.with(servers, { workload: 'W9' }, async (fleet) => {
    const database = new pg.Client(fleet.databaseUrl);
    await database.connect();
    await database.query(EFFECTS);
    await fleet.load({ inFlight: 8, sagas: 100 }).then(() => database.query('TRUNCATE effect'));
    const warmedUp = await finishedSagas(database);
    const starts = await StartsByMessage.open(servers.kafka.brokers, fleet.topicPrefix, 'bench');
    try {
      const begin = performance.now();
      const sending = starts.send(rate, rate * (SECONDS_BEFORE + SECONDS_AFTER));
      await delay(SECONDS_BEFORE * 1_000);
      await fleet[victim].kill();
      const killedAt = Date.now();
      fleet.restart(victim);
      await fleet[victim].ready();
      const accepted = await sending;
      await starts.allEnded(accepted, PATIENCE_MS);
      const seconds = (performance.now() - begin) / 1_000;
      const completed = (await finishedSagas(database)) - warmedUp;
      const resumedAt =
        victim === 'orchestrator' ? starts.firstDecidedAfter(killedAt) : starts.endOfLongestPause(killedAt);
      return {
        system: SYSTEM,
        version,
        class: 'remote steps',
        ...key,
        at: new Date().toISOString(),
        rate,
        sagas: accepted,
        completed,
        seconds: Number(seconds.toFixed(3)),
        sagasPerSecond: Number((completed / seconds).toFixed(1)),
        stepsPerSaga: 3,
        sagaMs: quantiles(starts.sagaTimes(await sagaIds(database))),
        stepMs: quantiles(await stepTimes(database, accepted)),
        cpuSeconds: {},
        rssMb: {},
        durability: servers.durability,
        settings: fleet.settings,
        figures: {
          firstCompletionMs: Math.round(resumedAt - killedAt),
          lost: accepted - completed,
          ...(await effects(database, completed * 3)),
        },
      };
    } finally {
      await starts.close();
      await database.end();
    }
  });
}

async function finishedSagas(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM counterstep.finished_saga WHERE state = 'completed'`,
  );
  return rows[0]?.count ?? 0;
}

/** Every effect must be there exactly once. */
async function effects(database: pg.Client, expected: number): Promise<Record<string, number>> {
  const { rows } = await database.query<{ all: number; distinct: number }>(
    `SELECT count(*)::int AS all, count(DISTINCT key)::int AS distinct FROM effect`,
  );
  const { all = 0, distinct = 0 } = rows[0] ?? {};
  return { effects: distinct, doubles: all - distinct, missing: expected - distinct };
}

/** By the ids of their starts. */
async function sagaIds(database: pg.Client): Promise<Map<string, string>> {
  const { rows } = await database.query<{ key: string; id: string }>(
    'SELECT key, saga_id AS id FROM counterstep.saga_key',
  );
  return new Map(rows.map(({ key, id }) => [key, id]));
}

/** Between two records of a saga, of the `newest` ones: from the store, as the orchestrator that saw them may be gone. */
async function stepTimes(database: pg.Client, newest: number): Promise<number[]> {
  const { rows } = await database.query<{ ms: number }>(
    `SELECT (at - before)::int AS ms
       FROM (SELECT id FROM counterstep.finished_saga ORDER BY id DESC LIMIT $1) AS measured
       JOIN (SELECT saga_id, at, lag(at) OVER (PARTITION BY saga_id ORDER BY seq) AS before
               FROM counterstep.history) AS record ON record.saga_id = measured.id
      WHERE before IS NOT NULL`,
    [newest],
  );
  return rows.map(({ ms }) => ms);
}
