import type { PinnedDefinition, PinnedQuery } from '@counterstep/engine';
import { FIRST_EPOCH, LOCK_CLASS } from './locks.js';
import type { ReadPool } from './read-pool.js';

export async function findDefinitions(pool: ReadPool): Promise<PinnedDefinition[]> {
  return pool.query({
    name: 'counterstep_definitions',
    text: `
      SELECT digest, min(workflow) AS workflow, min(workflow_version) AS version, count(*)::float8 AS sagas
      FROM counterstep.saga
      GROUP BY digest`,
  });
}

/**
 * A lane whose lock is held lives, unless it was taken over: then the lock is that of whoever finishes it, and the row
 * lists what its dead owner had. Locks of two 32-bit keys have objsubid 2.
 */
export async function findAbsent(pool: ReadPool): Promise<PinnedDefinition[]> {
  return pool.query({
    name: 'counterstep_absent',
    text: `
      WITH present AS MATERIALIZED (
        SELECT DISTINCT unnest(digests) AS digest
        FROM counterstep.lane
        WHERE epoch = $2 AND id IN (
          SELECT objid::bigint FROM pg_locks
          WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid = $1::oid
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
      )
      SELECT digest, min(workflow) AS workflow, min(workflow_version) AS version, count(*)::float8 AS sagas
      FROM counterstep.saga
      WHERE digest NOT IN (SELECT digest FROM present)
      GROUP BY digest`,
    values: [LOCK_CLASS, FIRST_EPOCH],
  });
}

export async function findPinned(
  pool: ReadPool,
  digests: readonly string[],
  query: PinnedQuery,
  limit: number,
): Promise<string[]> {
  const rows = await pool.query<{ id: string }>(
    query.held
      ? {
          name: 'counterstep_held',
          // Within a text of the JSON the quotes would be escaped.
          text: `
            SELECT id FROM counterstep.saga
            WHERE held AND digest = ANY ($1::text[]) AND position($3 IN attention) > 0
            LIMIT $2`,
          values: [digests, limit, `"code":${JSON.stringify(query.code)}`],
        }
      : {
          name: 'counterstep_pinned',
          text: 'SELECT id FROM counterstep.saga WHERE NOT held AND digest = ANY ($1::text[]) LIMIT $2',
          values: [digests, limit],
        },
  );
  return rows.map(({ id }) => id);
}
