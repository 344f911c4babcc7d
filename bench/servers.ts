import pg from 'pg';
import { KAFKA_VERSION, startKafka } from '../test/support/kafka.js';
import type { KafkaServer } from '../test/support/kafka.js';
import { startPostgres } from '../test/support/postgres.js';
import type { PostgresServer } from '../test/support/postgres.js';

/** A Postgres of our own, on loopback; gone when this process is. */
export interface Database {
  readonly postgres: PostgresServer;
  /** One line: what a commit waits for. */
  readonly durability: string;
  /** `Postgres 18.4` and so on. */
  readonly versions: readonly string[];
  /** Runs a query in the server's own database, beside what is measured. */
  query<Found extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Found[]>;
  close(): Promise<void>;
}

/** With a Kafka beside it; its durability tells what a produce waits for, too. */
export interface Servers extends Database {
  readonly kafka: KafkaServer;
}

export async function startDatabase(): Promise<Database> {
  const postgres = await startPostgres();
  const client = new pg.Client(postgres.url);
  // The next query says so too.
  client.on('error', () => undefined);
  await client.connect();
  const query = async <Found extends pg.QueryResultRow>(
    sql: string,
    values: unknown[] = [],
  ): Promise<Found[]> => (await client.query<Found>(sql, values)).rows;
  await query('CREATE EXTENSION IF NOT EXISTS pg_walinspect').catch(() => undefined);
  const setting = async (name: string): Promise<string> =>
    (await query<{ value: string }>('SELECT current_setting($1) AS value', [name]))[0]?.value ?? 'unknown';
  const [fsync, commit] = [await setting('fsync'), await setting('synchronous_commit')];
  return {
    postgres,
    durability: `Postgres: fsync ${fsync}, synchronous_commit ${commit}`,
    versions: [`Postgres ${await setting('server_version')}`],
    query,
    close: async () => {
      await client.end();
      await postgres.close();
    },
  };
}

export async function startServers(): Promise<Servers> {
  const [kafka, database] = await Promise.all([startKafka(), startDatabase()]);
  return {
    ...database,
    kafka,
    durability: `${database.durability}; Kafka: acks all, 1 broker`,
    versions: [...database.versions, `Kafka ${KAFKA_VERSION}`],
    close: async () => {
      await Promise.all([kafka.close(), database.close()]);
    },
  };
}

/** Where the server's log stands. */
export async function walPosition({ query }: Database): Promise<string> {
  const [row] = await query<{ at: string }>('SELECT pg_current_wal_insert_lsn()::text AS at');
  return row?.at ?? '0/0';
}

/**
 * What was written since: bytes of WAL, and commits, counted in the log itself, as the statistics come late. `commits` is
 * absent where the server has no pg_walinspect.
 */
export async function writtenSince(
  { query }: Database,
  position: string,
): Promise<{ walBytes: number; commits?: number }> {
  const [wal] = await query<{ at: string; bytes: number }>(
    `SELECT at::text, (at - $1::pg_lsn)::float8 AS bytes FROM pg_current_wal_flush_lsn() AS at`,
    [position],
  );
  const [counted] = await query<{ commits: number }>(
    `SELECT coalesce(sum(count), 0)::float8 AS commits FROM pg_get_wal_stats($1::pg_lsn, $2::pg_lsn, true)
      WHERE "resource_manager/record_type" = 'Transaction/COMMIT'`,
    [position, wal?.at],
  ).catch(() => []);
  return { walBytes: wal?.bytes ?? 0, ...(counted && { commits: counted.commits }) };
}
