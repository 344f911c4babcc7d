import type { ClientBase } from 'pg';
import { WorkerConfigError } from '../errors.js';

export interface BarrierTableOptions {
  /** The schema that holds the table `counterstep_barrier`; default `public`. Made if it is absent. */
  readonly schema?: string;
}

/**
 * The DDL of the barrier, for people who run their own migrations. Every statement may run again.
 *
 * A row must outlive the longest saga and the retention of the commands topic: without its row, a command that comes
 * again runs again. `purgeBarrier` is the only thing that deletes rows.
 */
export function barrierTableSql(options: BarrierTableOptions = {}): string {
  const schema = quoteIdentifier(options.schema ?? 'public');
  return `CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE IF NOT EXISTS ${schema}.counterstep_barrier (
  touched_at timestamptz NOT NULL DEFAULT now(),
  executions integer NOT NULL,
  undo_began boolean NOT NULL,
  effect_key text COLLATE "C" PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('started', 'succeeded', 'rejected', 'uncertain', 'tombstone')),
  reply text
);
CREATE INDEX IF NOT EXISTS counterstep_barrier_touched_at ON ${schema}.counterstep_barrier
  USING brin (touched_at) WITH (autosummarize = on);
`;
}

/** Any constant serves, as long as all workers of one database use the same. */
const TABLE_LOCK = 7_225_690_114;

/**
 * Makes the table if it is absent. Workers that start together wait for each other. `IF NOT EXISTS` alone is not enough:
 * two sessions that both find nothing collide in the catalog.
 */
export async function ensureBarrierTable(
  client: ClientBase,
  options: BarrierTableOptions = {},
): Promise<void> {
  const found = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${quoteIdentifier(options.schema ?? 'public')}.counterstep_barrier`,
  ]);
  // A worker's role need not own the schema when somebody else has run the DDL.
  if (found.rows[0]?.there) return;
  // Taken before the transaction: a session that waited inside one would go on with what its catalog cache held before.
  await client.query('SELECT pg_advisory_lock($1)', [TABLE_LOCK]);
  try {
    // One simple query is one transaction.
    await client.query(barrierTableSql(options));
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [TABLE_LOCK]);
  }
}

/** Few enough rows that no lock or snapshot lives long. */
const PURGE_BATCH = 5_000;

/** The least retention of the commands topic: before that, any command may come again. */
const MIN_AGE_MS = 7 * 24 * 60 * 60 * 1_000;

/**
 * Deletes rows that nothing has touched since `olderThan`, in small transactions, and returns how many. `client` must not
 * be in a transaction. Choose `olderThan` further back than the longest saga and the commands topic's retention; what is
 * less than seven days back is refused with a `WorkerConfigError`.
 */
export async function purgeBarrier(
  client: ClientBase,
  olderThan: Date,
  options: BarrierTableOptions = {},
): Promise<number> {
  // Negated, so that an invalid date is refused too.
  if (!(Date.now() - olderThan.getTime() >= MIN_AGE_MS)) {
    throw new WorkerConfigError(
      'barrier rows must be kept for seven days at least: their commands may come again',
    );
  }
  const table = `${quoteIdentifier(options.schema ?? 'public')}.counterstep_barrier`;
  let purged = 0;
  for (;;) {
    const { rowCount } = await client.query(
      `DELETE FROM ${table} WHERE effect_key IN (
         SELECT effect_key FROM ${table} WHERE touched_at < $1 LIMIT ${PURGE_BATCH})`,
      [olderThan],
    );
    purged += rowCount ?? 0;
    if ((rowCount ?? 0) < PURGE_BATCH) return purged;
  }
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
