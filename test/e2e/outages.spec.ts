import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startKafka, type KafkaServer } from '../support/kafka.js';
import { startPostgres, type PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';
import { System, type OrchestratorProcess } from './support/system.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Longer than all attempts of a step take together; in the deep check, as long as the promise says. */
const isDeep = process.env['DEEP'] === '1';
const KAFKA_DOWN = isDeep ? 5 * MINUTE : 25 * SECOND;
const POSTGRES_FROZEN = isDeep ? MINUTE : 25 * SECOND;
const LIMIT = 6 * MINUTE + KAFKA_DOWN;

let kafka: KafkaServer;
let postgres: PostgresServer;
let system: System;
let orchestrator: OrchestratorProcess;

beforeEach(async () => {
  [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
  system = await System.create({ brokers: kafka.brokers, postgres: postgres.url });
  orchestrator = await system.startOrchestrator();
  system.startScript('test/e2e/apps/ledger-worker.mjs');
  await orchestrator.ready();
}, 2 * MINUTE);

afterEach(async () => {
  await system.stop();
  await Promise.all([kafka.close(), postgres.close()]);
}, MINUTE);

describe('no healthy saga is undone, and none is lost,', () => {
  it(
    'when Kafka is away under load',
    async () => {
      const load = await underLoad();
      await kafka.kill();
      await pause(KAFKA_DOWN);
      await kafka.restart();
      await load.stop();
      await everySagaCompletes(load.accepted);
    },
    LIMIT,
  );

  it(
    'when Postgres stands still under load',
    async () => {
      const load = await underLoad();
      const thaw = await freeze(postgres);
      await pause(POSTGRES_FROZEN);
      thaw();
      await load.stop();
      await everySagaCompletes(load.accepted);
    },
    LIMIT,
  );
});

/** Starts sagas one after the other until it is stopped; some are through and some are under way when it resolves. */
async function underLoad(): Promise<{ accepted: string[]; stop(): Promise<void> }> {
  const accepted: string[] = [];
  let isOn = true;
  const starting = (async () => {
    while (isOn) {
      // A start that is refused or not answered is its client's business.
      const sagaId = await orchestrator.start('outlast', {}).catch(() => undefined);
      if (sagaId !== undefined) accepted.push(sagaId);
      await pause(100);
    }
  })();
  const [first] = await waitFor(() => accepted.length > 0 && accepted, {
    what: 'a start',
    timeoutMs: MINUTE,
  });
  await orchestrator.ended(first ?? '');
  await waitFor(() => accepted.length >= 20, { what: 'load', timeoutMs: MINUTE });
  return {
    accepted,
    stop: async () => {
      isOn = false;
      await starting;
    },
  };
}

async function everySagaCompletes(accepted: readonly string[]): Promise<void> {
  const states = async () =>
    (
      await system.db.query<{ state: string; sagas: number }>(
        `select state, count(*)::int as sagas from (
           select state from counterstep.saga union all select state from counterstep.finished_saga) as sagas
         group by state`,
      )
    ).rows;
  const all = await waitFor(
    async () => {
      const found = await states();
      return (
        found.length > 0 && found.every(({ state }) => state !== 'running' && state !== 'pending') && found
      );
    },
    { what: 'every saga has ended', timeoutMs: 3 * MINUTE, everyMs: 500 },
  );
  expect(all).toEqual([{ state: 'completed', sagas: expect.any(Number) }]);
  expect(all[0]?.sagas).toBeGreaterThanOrEqual(accepted.length);
  const { rows: turned } = await system.db.query(
    `select saga_id from counterstep.history where facts::text like '%"turned"%'`,
  );
  expect(turned).toEqual([]);
  const { rows: ledger } = await system.db.query<{ rows: number; keys: number }>(
    'select count(*)::int as rows, count(distinct effect_key)::int as keys from ledger',
  );
  const effects = 3 * (all[0]?.sagas ?? 0);
  expect(ledger).toEqual([{ rows: effects, keys: effects }]);
  await system.checkPromises();
}

/** Stops every process of the server where it stands, connections and all. */
async function freeze({ url, pid }: PostgresServer): Promise<() => void> {
  if (pid === undefined) throw new Error('only a server of our own can be frozen');
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  // The postmaster first: after that there are no new ones.
  process.kill(pid, 'SIGSTOP');
  const { rows } = await client.query<{ pid: number; own: boolean }>(
    'select pid, pid = pg_backend_pid() as own from pg_stat_activity order by own',
  );
  const pids = [pid, ...rows.map((row) => row.pid)];
  for (const each of pids) process.kill(each, 'SIGSTOP');
  return () => {
    for (const each of pids) process.kill(each, 'SIGCONT');
    void client.end().catch(() => undefined);
  };
}
