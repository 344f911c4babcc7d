import { randomBytes } from 'node:crypto';
import type {
  KeyName,
  Position,
  PutOff,
  ReadyInputs,
  StoredParkedInput,
  StoredSaga,
  TakenKey,
} from '@counterstep/engine';
import { LOAD, storedSagas } from './histories.js';
import type { HistoryRow } from './histories.js';
import { by } from './planning.js';
import type { ReadPool } from './read-pool.js';

export async function readClock(pool: ReadPool): Promise<number> {
  const [row] = await pool.query<{ now: number }>({
    name: 'counterstep_now',
    text: 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
  });
  return row?.now ?? 0;
}

/** Made by whoever asks first. */
export async function readSecret(pool: ReadPool): Promise<Uint8Array> {
  await pool.query({
    text: "INSERT INTO counterstep.setting (name, value) VALUES ('secret', $1) ON CONFLICT (name) DO NOTHING",
    values: [randomBytes(32)],
  });
  const [row] = await pool.query<{ value: Buffer }>({
    text: "SELECT value FROM counterstep.setting WHERE name = 'secret'",
  });
  if (!row) throw new Error('the secret was just made');
  return new Uint8Array(row.value);
}

/** Remembered among the settings, as digits. */
export async function readFirstSeen(pool: ReadPool, name: string): Promise<number> {
  const values = [`first seen: ${name}`];
  await pool.query({
    text: `
      INSERT INTO counterstep.setting (name, value)
      SELECT $1, convert_to(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint::text, 'UTF8')
      ON CONFLICT (name) DO NOTHING`,
    values,
  });
  const [row] = await pool.query<{ at: number }>({
    text: "SELECT convert_from(value, 'UTF8')::float8 AS at FROM counterstep.setting WHERE name = $1",
    values,
  });
  if (!row) throw new Error('it was just made');
  return row.at;
}

export async function loadHistories(pool: ReadPool, sagaIds: readonly string[]): Promise<StoredSaga[]> {
  return storedSagas(
    await pool.query<HistoryRow>({ name: 'counterstep_load', text: LOAD, values: [sagaIds] }),
  );
}

/** Saga by saga, or all of `history` might be walked through, whose primary key has the rows in this order. */
export async function loadAfter(
  pool: ReadPool,
  positions: readonly Position[],
  limit: number,
): Promise<StoredSaga[]> {
  const rows = await pool.query<HistoryRow>({
    name: 'counterstep_after',
    text: `
      SELECT h.saga_id, h.seq, h.at::float8 AS at, h.event, h.facts, h.lane, h.number::float8 AS number
      FROM unnest($1::uuid[], $2::int[]) AS known (id, version)
      CROSS JOIN LATERAL (
        SELECT * FROM counterstep.history h WHERE h.saga_id = known.id AND h.seq > known.version ORDER BY h.seq LIMIT $3
      ) h
      ORDER BY h.saga_id, h.seq
      LIMIT $3`,
    values: [positions.map(({ sagaId }) => sagaId), positions.map(({ version }) => version), limit],
  });
  return storedSagas(rows);
}

export async function findFinished(pool: ReadPool, sagaIds: readonly string[]): Promise<string[]> {
  const rows = await pool.query<{ id: string }>({
    name: 'counterstep_finished',
    text: 'SELECT id FROM counterstep.finished_saga WHERE id = ANY ($1::uuid[])',
    values: [sagaIds],
  });
  return rows.map(({ id }) => id);
}

/** A key with U+0000 cannot be stored, so it is not taken; the server would refuse the question. */
export async function findKeys(pool: ReadPool, names: readonly KeyName[]): Promise<TakenKey[]> {
  const keys = names.filter(({ scope, key }) => !scope.includes('\0') && !key.includes('\0'));
  return pool.query<TakenKey>({
    name: 'counterstep_keys',
    text: `
      SELECT k.scope, k.key, k.saga_id AS "sagaId", k.body_hash AS "bodyHash", k.closed
      FROM unnest($1::text[], $2::text[]) AS wanted (scope, key)
      JOIN counterstep.saga_key k ON ${by('k.scope', 'wanted.scope')} AND ${by('k.key', 'wanted.key')}`,
    values: [keys.map(({ scope }) => scope), keys.map(({ key }) => key)],
  });
}

export async function readConfirmed(
  pool: ReadPool,
  laneIds: readonly number[],
): Promise<{ id: number; confirmed: number }[]> {
  return pool.query({
    name: 'counterstep_confirmed',
    text: 'SELECT id, confirmed::float8 AS confirmed FROM counterstep.lane WHERE id = ANY ($1::int[])',
    values: [laneIds],
  });
}

/**
 * The bucket of a saga is that of its first due time for as long as it only moves on, so that its row can be updated in
 * place. Those whose minute has passed get their true bucket here, or every sweep would look at them again. A row that is
 * being written is left alone; the write that is under way sees to its bucket.
 */
export async function renewBuckets(pool: ReadPool, before: number): Promise<void> {
  await pool.query({
    name: 'counterstep_buckets',
    text: `
      UPDATE counterstep.saga SET due_bucket = least(due_at, deadline) / 60000
      WHERE id = ANY (ARRAY(
        SELECT id FROM counterstep.saga
        WHERE due_bucket < $1::bigint / 60000 AND due_bucket < least(due_at, deadline) / 60000
          AND least(due_at, deadline) > $1::bigint
        LIMIT 10000
        FOR UPDATE SKIP LOCKED))`,
    values: [before],
  });
}

/** Its bucket stays where it is, as above. Rows in the way of a lane's statement are passed over, so none waits for another. */
export async function putOff(pool: ReadPool, sagas: readonly PutOff[]): Promise<void> {
  await pool.query({
    name: 'counterstep_put_off',
    text: `
      UPDATE counterstep.saga s SET due_at = free.due_at
      FROM (
        SELECT s.id, p.due_at
        FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS p (id, version, due_at)
        JOIN counterstep.saga s ON ${by('s.id', 'p.id')} AND s.version = p.version AND s.due_at < p.due_at
        FOR UPDATE OF s SKIP LOCKED
      ) AS free
      WHERE ${by('s.id', 'free.id')}`,
    values: [
      sagas.map(({ sagaId }) => sagaId),
      sagas.map(({ version }) => version),
      sagas.map(({ dueAt }) => dueAt),
    ],
  });
}

export async function findDue(
  pool: ReadPool,
  before: number,
  limit: number,
): Promise<{ sagaId: string; dueAt: number; digest: string }[]> {
  return pool.query({
    name: 'counterstep_due',
    text: `
      SELECT id AS "sagaId", least(due_at, deadline)::float8 AS "dueAt", digest
      FROM counterstep.saga
      WHERE due_bucket <= $1::bigint / 60000 AND least(due_at, deadline) <= $1::bigint
      ORDER BY "dueAt"
      LIMIT $2`,
    values: [before, limit],
  });
}

export async function findParked(
  pool: ReadPool,
  digests: readonly string[],
  limit: number,
): Promise<StoredParkedInput[]> {
  return pool.query({
    name: 'counterstep_parked',
    text: `
      SELECT id::float8 AS id, saga_id AS "sagaId", digest, code, input
      FROM counterstep.parked_input
      WHERE digest = ANY ($1::text[])
      ORDER BY counterstep.parked_input.id
      LIMIT $2`,
    values: [digests, limit],
  });
}

export async function findReady(
  pool: ReadPool,
  digests: readonly string[],
  limit: number,
  { except }: ReadyInputs,
): Promise<StoredParkedInput[]> {
  return pool.query({
    name: 'counterstep_ready',
    text: `
      SELECT p.id::float8 AS id, p.saga_id AS "sagaId", p.digest, p.code, p.input
      FROM counterstep.parked_input p
      WHERE p.digest = ANY ($1::text[]) AND p.saga_id <> ALL ($3::uuid[])
        AND (SELECT s.held FROM counterstep.saga s WHERE s.id = p.saga_id) IS NOT TRUE
      ORDER BY p.id
      LIMIT $2`,
    values: [digests, limit, except],
  });
}
