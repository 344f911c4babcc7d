import { by } from './planning.js';

/** What a batch does beside moving sagas. Most do none of it, and a part without rows costs time too. */
export interface CommitParts {
  /** Sagas end, or had ended. */
  readonly ends: boolean;
  /** Keys are taken. */
  readonly keys: boolean;
  /** Inputs are parked, or taken off their table. */
  readonly parks: boolean;
}

/**
 * The whole batch in one statement, which is one transaction and one round trip. All parts of it see one snapshot, taken
 * when it began, and see nothing of each other's work but what RETURNING hands on.
 *
 * - `fence` comes first and everything depends on it: a lane that was taken over has another epoch, or no row. Its row
 *   lock also keeps a take-over from reading the lane's history while this statement is under way.
 * - A saga that another lane moved meanwhile: the row lock makes us wait, then the version is checked anew and does not
 *   match. One that another lane inserted meanwhile breaks the primary key, and the statement is repeated.
 * - Whatever the statistics say, rows are looked up by key: see `by`. EXISTS has an OFFSET for that, which keeps it a look-up
 *   for each row.
 * - Rows come in the order of their ids, keys in theirs, so that two lanes rarely meet crosswise.
 * - A key is a saga's own (`id` = `saga_id`) or one for a saga that exists, `id` being what the answer calls it.
 */
export function commitText({ ends, keys, parks }: CommitParts): string {
  const parts = [
    WRITES,
    ...(keys ? [KEYS] : []),
    movesOf(keys),
    ...(ends ? [ENDS] : []),
    verdictsOf(ends, keys),
    HISTORY,
    ...(parks ? [parksFrom(keys ? 12 : 6)] : []),
  ];
  return `${parts.join(',\n')}\n${RESULT}`;
}

/* $1 lane, $2 epoch, $3 confirmed, $4 the sagas, $5 their history, then keys, then parked inputs. */

const WRITES = `
WITH fence AS (
  UPDATE counterstep.lane SET confirmed = greatest(confirmed, $3) WHERE id = $1 AND epoch = $2 RETURNING id
),
write AS MATERIALIZED (
  SELECT * FROM unnest($4::counterstep.transition[]) WHERE EXISTS (SELECT FROM fence)
),
absent AS MATERIALIZED (
  SELECT * FROM write w
  WHERE w.expected = 0
    AND NOT EXISTS (SELECT FROM counterstep.saga s WHERE s.id = w.id OFFSET 0)
    AND NOT EXISTS (SELECT FROM counterstep.finished_saga f WHERE f.id = w.id OFFSET 0)
)`;

const KEYS = `
wanted AS MATERIALIZED (
  SELECT k.*, coalesce(w.finished, NOT EXISTS (SELECT FROM counterstep.saga s WHERE s.id = k.saga_id OFFSET 0)) AS closed,
    coalesce(w.created_at, floor(extract(epoch FROM clock_timestamp()) * 1000)) AS created_at
  FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::boolean[])
    AS k (id, saga_id, scope, key, body_hash, from_closed)
  LEFT JOIN absent w ON w.id = k.id
  WHERE (w.id IS NOT NULL OR k.id <> k.saga_id) AND EXISTS (SELECT FROM fence)
),
-- Locked first: whoever else takes it meanwhile leaves it open, and then it is not found here.
vacant AS MATERIALIZED (
  SELECT k.scope, k.key FROM (SELECT scope, key FROM wanted WHERE from_closed ORDER BY scope, key) w
  CROSS JOIN LATERAL (
    SELECT k.scope, k.key FROM counterstep.saga_key k
    WHERE k.scope = w.scope AND k.key = w.key AND k.closed FOR UPDATE
  ) k
),
-- All keys of a saga or none: so what is not free is known before anything is taken.
unfree AS MATERIALIZED (
  SELECT w.id FROM wanted w
  WHERE EXISTS (SELECT FROM counterstep.saga_key k WHERE k.scope = w.scope AND k.key = w.key OFFSET 0)
    AND NOT EXISTS (SELECT FROM vacant v WHERE v.scope = w.scope AND v.key = w.key)
),
passed_on AS (
  UPDATE counterstep.saga_key k
  SET saga_id = w.saga_id, body_hash = w.body_hash, closed = w.closed, created_at = w.created_at
  FROM wanted w JOIN vacant v ON v.scope = w.scope AND v.key = w.key
  WHERE ${by('k.scope', 'w.scope')} AND ${by('k.key', 'w.key')} AND w.id NOT IN (SELECT id FROM unfree)
),
-- One that another lane inserted meanwhile breaks the primary key, and the statement is repeated: it then is not free.
keyed AS (
  INSERT INTO counterstep.saga_key (scope, key, saga_id, body_hash, closed, created_at)
  SELECT scope, key, saga_id, body_hash, closed, created_at FROM wanted w
  WHERE w.id NOT IN (SELECT id FROM unfree)
    AND NOT EXISTS (SELECT FROM vacant v WHERE v.scope = w.scope AND v.key = w.key)
  ORDER BY scope, key
)`;

const movesOf = (keys: boolean): string => `
begun AS MATERIALIZED (
  SELECT * FROM absent${keys ? ' WHERE id NOT IN (SELECT id FROM unfree)' : ''}
),
inserted AS (
  INSERT INTO counterstep.saga (
    id, workflow, workflow_version, digest, version, state, direction, aim, paused, attention, position, cause,
    held, due_at, deadline, due_bucket, lane, number, created_at, updated_at)
  SELECT id, workflow, workflow_version, digest, version, state, direction, aim, paused, attention, position, cause,
    held, due_at, deadline, least(due_at, deadline) / 60000, $1, number, created_at, updated_at
  FROM begun WHERE NOT finished
),
updated AS (
  UPDATE counterstep.saga s
  SET version = w.version, state = w.state, direction = w.direction, aim = w.aim, paused = w.paused,
    attention = w.attention, position = w.position, cause = w.cause, held = w.held, due_at = w.due_at,
    deadline = w.deadline,
    -- A bucket that is early only costs the sweep a look; a new one costs an index entry on every step.
    due_bucket = CASE WHEN s.due_bucket <= least(w.due_at, w.deadline) / 60000 THEN s.due_bucket
      ELSE least(w.due_at, w.deadline) / 60000 END,
    lane = $1, number = w.number, updated_at = w.updated_at
  FROM write w
  WHERE w.expected > 0 AND NOT w.finished AND ${by('s.id', 'w.id')} AND s.version = w.expected
  RETURNING s.id
)`;

const ENDS = `
removed AS (
  DELETE FROM counterstep.saga s USING write w
  WHERE w.expected > 0 AND w.finished AND ${by('s.id', 'w.id')} AND s.version = w.expected
  RETURNING s.id
),
amended AS (
  UPDATE counterstep.finished_saga f
  SET version = w.version, state = w.state, aim = w.aim, attention = w.attention, cause = w.cause, lane = $1,
    number = w.number, updated_at = w.updated_at
  FROM write w
  WHERE w.expected > 0 AND w.finished AND ${by('f.id', 'w.id')} AND f.version = w.expected
  RETURNING f.id
),
ended AS (
  INSERT INTO counterstep.finished_saga (
    id, workflow, workflow_version, digest, version, state, direction, aim, paused, attention, position, cause,
    lane, number, created_at, updated_at)
  SELECT id, workflow, workflow_version, digest, version, state, direction, aim, paused, attention, position, cause,
    $1, number, created_at, updated_at
  FROM write WHERE finished AND id IN (SELECT id FROM removed UNION ALL SELECT id FROM begun)
),
closed AS (
  UPDATE counterstep.saga_key k SET closed = true FROM removed WHERE ${by('k.saga_id', 'removed.id')}
)`;

const verdictsOf = (ends: boolean, keys: boolean): string => `
passed AS MATERIALIZED (
  SELECT id FROM begun UNION ALL SELECT id FROM updated
  ${ends ? 'UNION ALL SELECT id FROM removed UNION ALL SELECT id FROM amended' : ''}
),
stale AS MATERIALIZED (
  SELECT id FROM write WHERE id NOT IN (SELECT id FROM passed)
  ${keys ? 'UNION SELECT id FROM unfree' : ''}
)`;

const HISTORY = `
recorded AS (
  INSERT INTO counterstep.history (saga_id, seq, at, event, facts, lane, number)
  SELECT r.saga_id, r.seq, r.at, r.event, r.facts, $1, r.number
  FROM unnest($5::counterstep.record[]) AS r
  WHERE r.saga_id IN (SELECT id FROM passed)
)`;

function parksFrom(first: number): string {
  const [p0, p1, p2, p3, p4] = [0, 1, 2, 3, 4].map((offset) => `$${first + offset}`);
  return `
parked AS (
  INSERT INTO counterstep.parked_input (saga_id, digest, code, input)
  SELECT * FROM unnest(${p0}::uuid[], ${p1}::text[], ${p2}::text[], ${p3}::text[]) AS p (saga_id, digest, code, input)
  WHERE saga_id NOT IN (SELECT id FROM stale) AND EXISTS (SELECT FROM fence)
),
unparked AS (
  DELETE FROM counterstep.parked_input WHERE id = ANY (${p4}::bigint[]) AND EXISTS (SELECT FROM fence)
)`;
}

const RESULT = `
SELECT
  floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
  ARRAY(SELECT id::text FROM stale ORDER BY id) AS stale
FROM fence`;
