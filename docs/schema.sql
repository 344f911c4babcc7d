CREATE SCHEMA counterstep;

CREATE SEQUENCE counterstep.lane_id AS integer NO CYCLE;

CREATE TYPE counterstep.record AS (
  saga_id uuid,
  seq integer,
  at bigint,
  event text,
  facts text,
  number bigint
);

CREATE TYPE counterstep.transition AS (
  id uuid,
  expected integer,
  finished boolean,
  workflow text,
  workflow_version integer,
  digest text,
  version integer,
  state text,
  direction text,
  aim text,
  paused boolean,
  held boolean,
  attention text,
  "position" text,
  cause text,
  due_at bigint,
  deadline bigint,
  number bigint,
  created_at bigint,
  updated_at bigint
);

CREATE TABLE counterstep.finished_saga (
  id uuid NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  number bigint NOT NULL,
  lane integer NOT NULL,
  workflow_version integer NOT NULL,
  version integer NOT NULL,
  paused boolean NOT NULL,
  workflow text NOT NULL,
  digest text NOT NULL,
  state text NOT NULL,
  direction text NOT NULL,
  aim text NOT NULL,
  attention text,
  "position" text NOT NULL,
  cause text,
  CONSTRAINT finished_saga_pkey PRIMARY KEY (id),
  CONSTRAINT finished_saga_aim_check CHECK ((aim = ANY (ARRAY['completed'::text, 'compensated'::text, 'cancelled'::text]))),
  CONSTRAINT finished_saga_aim_has_direction CHECK (((direction = 'forward'::text) = (aim = 'completed'::text))),
  CONSTRAINT finished_saga_attention_check CHECK ((attention <> '[]'::text)),
  CONSTRAINT finished_saga_direction_check CHECK ((direction = ANY (ARRAY['forward'::text, 'undo'::text]))),
  CONSTRAINT finished_saga_ends_as_aimed CHECK (((state = 'failed'::text) OR (state = aim))),
  CONSTRAINT finished_saga_lane_check CHECK ((lane > 0)),
  CONSTRAINT finished_saga_number_check CHECK ((number > 0)),
  CONSTRAINT finished_saga_position_check CHECK (("position" = '[]'::text)),
  CONSTRAINT finished_saga_state_check CHECK ((state = ANY (ARRAY['completed'::text, 'failed'::text, 'compensated'::text, 'cancelled'::text]))),
  CONSTRAINT finished_saga_version_check CHECK ((version > 0)),
  CONSTRAINT finished_saga_workflow_version_check CHECK ((workflow_version > 0))
);
CREATE INDEX finished_saga_attention ON counterstep.finished_saga USING btree (id) WHERE (attention IS NOT NULL);

CREATE TABLE counterstep.history (
  saga_id uuid NOT NULL,
  at bigint NOT NULL,
  number bigint NOT NULL,
  seq integer NOT NULL,
  lane integer NOT NULL,
  event text NOT NULL,
  facts text NOT NULL,
  CONSTRAINT history_pkey PRIMARY KEY (saga_id, seq),
  CONSTRAINT history_lane_check CHECK ((lane > 0)),
  CONSTRAINT history_number_check CHECK ((number > 0)),
  CONSTRAINT history_seq_check CHECK ((seq > 0))
) WITH (autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=100000);
CREATE INDEX history_outbox ON counterstep.history USING brin (lane, number) WITH (pages_per_range='32', autosummarize='on');

CREATE TABLE counterstep.lane (
  id integer NOT NULL,
  epoch integer NOT NULL DEFAULT 1,
  confirmed bigint NOT NULL DEFAULT 0,
  digests text[] NOT NULL,
  opened_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT lane_pkey PRIMARY KEY (id),
  CONSTRAINT lane_confirmed_check CHECK ((confirmed >= 0)),
  CONSTRAINT lane_epoch_check CHECK ((epoch > 0)),
  CONSTRAINT lane_id_check CHECK ((id > 0))
) WITH (fillfactor=50);

CREATE TABLE counterstep.parked_input (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  saga_id uuid NOT NULL,
  digest text NOT NULL,
  code text NOT NULL,
  input text NOT NULL,
  parked_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT parked_input_pkey PRIMARY KEY (id)
);
CREATE INDEX parked_input_digest ON counterstep.parked_input USING btree (digest, id);
CREATE INDEX parked_input_saga ON counterstep.parked_input USING btree (saga_id);

CREATE TABLE counterstep.saga (
  id uuid NOT NULL,
  created_at bigint NOT NULL,
  deadline bigint,
  workflow_version integer NOT NULL,
  due_bucket integer,
  lane integer NOT NULL,
  paused boolean NOT NULL,
  held boolean NOT NULL,
  workflow text NOT NULL,
  digest text NOT NULL,
  state text NOT NULL,
  direction text NOT NULL,
  aim text NOT NULL,
  attention text,
  cause text,
  due_at bigint,
  number bigint NOT NULL,
  updated_at bigint NOT NULL,
  version integer NOT NULL,
  "position" text NOT NULL,
  CONSTRAINT saga_pkey PRIMARY KEY (id),
  CONSTRAINT saga_aim_check CHECK ((aim = ANY (ARRAY['completed'::text, 'compensated'::text, 'cancelled'::text]))),
  CONSTRAINT saga_aim_has_direction CHECK (((direction = 'forward'::text) = (aim = 'completed'::text))),
  CONSTRAINT saga_attention_check CHECK ((attention <> '[]'::text)),
  CONSTRAINT saga_bucket_is_not_late CHECK ((due_bucket <= (LEAST(due_at, deadline) / 60000))),
  CONSTRAINT saga_direction_check CHECK ((direction = ANY (ARRAY['forward'::text, 'undo'::text]))),
  CONSTRAINT saga_does_not_hang CHECK (((due_at IS NOT NULL) OR paused OR (attention IS NOT NULL))),
  CONSTRAINT saga_due_has_bucket CHECK (((LEAST(due_at, deadline) IS NULL) = (due_bucket IS NULL))),
  CONSTRAINT saga_held_has_reason CHECK (((NOT held) OR (attention IS NOT NULL))),
  CONSTRAINT saga_lane_check CHECK ((lane > 0)),
  CONSTRAINT saga_number_check CHECK ((number > 0)),
  CONSTRAINT saga_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text]))),
  CONSTRAINT saga_version_check CHECK ((version > 0)),
  CONSTRAINT saga_workflow_version_check CHECK ((workflow_version > 0))
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=1000);
CREATE INDEX saga_attention ON counterstep.saga USING btree (id) WHERE (attention IS NOT NULL);
CREATE INDEX saga_due ON counterstep.saga USING btree (due_bucket);
CREATE INDEX saga_held ON counterstep.saga USING btree (digest) WHERE held;

CREATE TABLE counterstep.saga_key (
  scope text NOT NULL,
  key text NOT NULL,
  saga_id uuid NOT NULL,
  body_hash text NOT NULL,
  closed boolean NOT NULL,
  created_at bigint NOT NULL,
  CONSTRAINT saga_key_pkey PRIMARY KEY (scope, key)
) WITH (fillfactor=80);
CREATE INDEX saga_key_saga ON counterstep.saga_key USING btree (saga_id);

CREATE TABLE counterstep.setting (
  name text NOT NULL,
  value bytea NOT NULL,
  CONSTRAINT setting_pkey PRIMARY KEY (name)
);
