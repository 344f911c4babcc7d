import pg from 'pg';
import { Fleet } from '../fleet.js';
import { rowOf } from '../measure.js';
import { RETRY_DELAY } from '../workloads/w7.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

const TIMERS = 100_000;
/** Sagas started in each second; their timers fall due at the same rate, two minutes later. */
const RATE = 1_000;
/** Of what W1 reached, where that is less: a saga costs about as much to arm, and as much again when its timer is due. */
const SHARE = 0.6;
/** All must be armed when the first falls due. */
const ARMING = (RETRY_DELAY / 1_000) * 0.95;

/**
 * A hundred thousand retries that wait at the same time, or as many as this machine can arm in two minutes: how late is the
 * decision that sends each again?
 */
export const w7: Suite = (run, servers) =>
  repeated(run.repeats, async (repeat) => {
    const key = { workload: 'W7', repeat };
    await run.row(key, () =>
      Fleet.with(servers, { workload: 'W7' }, async (fleet) => {
        const rate = Math.max(1, Math.floor(Math.min(RATE, (run.best() ?? Infinity) * SHARE)));
        const order = { rate, sagas: Math.min(run.scaled(TIMERS), Math.floor(rate * ARMING)) };
        const { result, usage } = await fleet.measure(() => fleet.load(order));
        return {
          ...rowOf(fleet, key, order, result, usage),
          figures: { timers: order.sagas, ...(await lateness(fleet.databaseUrl)) },
        };
      }),
    );
  });

/** By the times of the records: when a retry was planned, for how long, and when it was decided. */
async function lateness(databaseUrl: string): Promise<Record<string, number>> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ late: number[] }>(
      `WITH record AS (
         SELECT at, lead(at) OVER (PARTITION BY saga_id ORDER BY seq) AS next_at, facts FROM counterstep.history
       ), late AS (
         SELECT next_at - at - (fact ->> 'delay')::bigint AS ms
         FROM record, jsonb_array_elements(facts::jsonb) AS fact
         WHERE facts LIKE '%retryPlanned%' AND fact ->> 'type' = 'retryPlanned'
       )
       SELECT percentile_disc(ARRAY[0.5, 0.99, 0.999, 1]) WITHIN GROUP (ORDER BY ms)::int[] AS late FROM late`,
    );
    const [p50 = NaN, p99 = NaN, p999 = NaN, max = NaN] = rows[0]?.late ?? [];
    return { lateP50Ms: p50, lateP99Ms: p99, lateP999Ms: p999, lateMaxMs: max };
  } finally {
    await client.end();
  }
}
