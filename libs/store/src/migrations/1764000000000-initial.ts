import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The whole schema. Moments are milliseconds since the epoch, as the engine counts them; JSON is kept as text, because
 * the server never looks inside and would only spend time on it.
 */
export class Initial1764000000000 implements MigrationInterface {
  readonly name = 'Initial1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [SAGA, FINISHED_SAGA, HISTORY, BATCH_ROWS, SAGA_KEY, LANE, PARKED_INPUT, SETTING])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only: restore a backup instead');
  }
}

/**
 * The row changes with every step. No index names a column that does, but for the coarse bucket and for what waits for
 * a person, so that updates stay within their page (HOT); the free space of the fillfactor is for them. The columns that
 * change with every step come last: of an update the log holds only what differs, from its first byte on. `due_at` leaves
 * the deadline out, which moves nothing until it passes: so the first constraint is `isLive` of libs/core.
 */
const SAGA = `
CREATE TABLE counterstep.saga (
  id uuid PRIMARY KEY,
  created_at bigint NOT NULL,
  deadline bigint,
  workflow_version int NOT NULL CHECK (workflow_version > 0),
  due_bucket int,
  lane int NOT NULL CHECK (lane > 0),
  paused boolean NOT NULL,
  held boolean NOT NULL,
  workflow text NOT NULL,
  digest text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'running')),
  direction text NOT NULL CHECK (direction IN ('forward', 'undo')),
  aim text NOT NULL CHECK (aim IN ('completed', 'compensated', 'cancelled')),
  attention text CHECK (attention <> '[]'),
  cause text,
  due_at bigint,
  number bigint NOT NULL CHECK (number > 0),
  updated_at bigint NOT NULL,
  version int NOT NULL CHECK (version > 0),
  position text NOT NULL,
  CONSTRAINT saga_does_not_hang CHECK (due_at IS NOT NULL OR paused OR attention IS NOT NULL),
  CONSTRAINT saga_held_has_reason CHECK (NOT held OR attention IS NOT NULL),
  CONSTRAINT saga_bucket_is_not_late CHECK (due_bucket <= least(due_at, deadline) / 60000),
  CONSTRAINT saga_due_has_bucket CHECK ((least(due_at, deadline) IS NULL) = (due_bucket IS NULL)),
  CONSTRAINT saga_aim_has_direction CHECK ((direction = 'forward') = (aim = 'completed'))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
CREATE INDEX saga_due ON counterstep.saga (due_bucket);
CREATE INDEX saga_held ON counterstep.saga (digest) WHERE held;
CREATE INDEX saga_attention ON counterstep.saga (id) WHERE attention IS NOT NULL`;

/** Out of the way of the hot path, which so does not slow down as they grow in number. */
const FINISHED_SAGA = `
CREATE TABLE counterstep.finished_saga (
  id uuid PRIMARY KEY,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  number bigint NOT NULL CHECK (number > 0),
  lane int NOT NULL CHECK (lane > 0),
  workflow_version int NOT NULL CHECK (workflow_version > 0),
  version int NOT NULL CHECK (version > 0),
  paused boolean NOT NULL,
  workflow text NOT NULL,
  digest text NOT NULL,
  state text NOT NULL CHECK (state IN ('completed', 'failed', 'compensated', 'cancelled')),
  direction text NOT NULL CHECK (direction IN ('forward', 'undo')),
  aim text NOT NULL CHECK (aim IN ('completed', 'compensated', 'cancelled')),
  attention text CHECK (attention <> '[]'),
  position text NOT NULL CHECK (position = '[]'),
  cause text,
  CONSTRAINT finished_saga_ends_as_aimed CHECK (state = 'failed' OR state = aim),
  CONSTRAINT finished_saga_aim_has_direction CHECK ((direction = 'forward') = (aim = 'completed'))
);
CREATE INDEX finished_saga_attention ON counterstep.finished_saga (id) WHERE attention IS NOT NULL`;

/**
 * Insert only: what happened, and at the same time the outbox. A lane writes its numbers in order and so into
 * neighbouring pages, which is all that a block range index needs to find those above a number. Facts lack what nearly always
 * holds (short-forms.ts). The columns stand in the order that leaves no gaps in a row.
 */
const HISTORY = `
CREATE TABLE counterstep.history (
  saga_id uuid NOT NULL,
  at bigint NOT NULL,
  number bigint NOT NULL CHECK (number > 0),
  seq int NOT NULL CHECK (seq > 0),
  lane int NOT NULL CHECK (lane > 0),
  event text NOT NULL,
  facts text NOT NULL,
  PRIMARY KEY (saga_id, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
CREATE INDEX history_outbox ON counterstep.history USING brin (lane, number)
  WITH (pages_per_range = 32, autosummarize = on)`;

/**
 * The rows of a lane's batch on their way into the tables. A lane writes them in binary, so what runs depends on each column:
 * a later version that needs others makes types with other names beside these.
 */
const BATCH_ROWS = `
CREATE TYPE counterstep.transition AS (
  id uuid,
  expected int,
  finished boolean,
  workflow text,
  workflow_version int,
  digest text,
  version int,
  state text,
  direction text,
  aim text,
  paused boolean,
  held boolean,
  attention text,
  position text,
  cause text,
  due_at bigint,
  deadline bigint,
  number bigint,
  created_at bigint,
  updated_at bigint
);
CREATE TYPE counterstep.record AS (
  saga_id uuid,
  seq int,
  at bigint,
  event text,
  facts text,
  number bigint
)`;

/** The saga's id is indexed because the statement that finishes a saga closes its keys. */
const SAGA_KEY = `
CREATE TABLE counterstep.saga_key (
  scope text NOT NULL,
  key text NOT NULL,
  saga_id uuid NOT NULL,
  body_hash text NOT NULL,
  closed boolean NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (scope, key)
) WITH (fillfactor = 80);
CREATE INDEX saga_key_saga ON counterstep.saga_key (saga_id)`;

/** Ids come from a sequence, which never gives a number twice, not even after a rollback. */
const LANE = `
CREATE TABLE counterstep.lane (
  id int PRIMARY KEY CHECK (id > 0),
  epoch int NOT NULL DEFAULT 1 CHECK (epoch > 0),
  confirmed bigint NOT NULL DEFAULT 0 CHECK (confirmed >= 0),
  digests text[] NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
CREATE SEQUENCE counterstep.lane_id AS int NO CYCLE OWNED BY counterstep.lane.id`;

const PARKED_INPUT = `
CREATE TABLE counterstep.parked_input (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  saga_id uuid NOT NULL,
  digest text NOT NULL,
  code text NOT NULL,
  input text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX parked_input_digest ON counterstep.parked_input (digest, id);
CREATE INDEX parked_input_saga ON counterstep.parked_input (saga_id)`;

/** What belongs to the installation, such as the secret of its reply tokens. */
const SETTING = `
CREATE TABLE counterstep.setting (
  name text PRIMARY KEY,
  value bytea NOT NULL
)`;
