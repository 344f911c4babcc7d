import pg from 'pg';
import { KAFKA_VERSION, startKafka } from '../test/support/kafka.js';
import type { KafkaServer } from '../test/support/kafka.js';
import { startPostgres } from '../test/support/postgres.js';
import type { PostgresServer } from '../test/support/postgres.js';

/** A Kafka and a Postgres of our own, on loopback; gone when this process is. */
export interface Servers {
  readonly kafka: KafkaServer;
  readonly postgres: PostgresServer;
  /** One line: what a commit and a produce wait for. */
  readonly durability: string;
  /** `Kafka 4.3.1` and so on. */
  readonly versions: readonly string[];
  /** Runs a query in the server's own database, beside what is measured. */
  query<Found extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Found[]>;
  close(): Promise<void>;
}

export async function startServers(): Promise<Servers> {
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
  const client = new pg.Client(postgres.url);
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
    kafka,
    postgres,
    durability: `Postgres: fsync ${fsync}, synchronous_commit ${commit}; Kafka: acks all, 1 broker`,
    versions: [`Postgres ${await setting('server_version')}`, `Kafka ${KAFKA_VERSION}`],
    query,
    close: async () => {
      await client.end();
      await Promise.all([kafka.close(), postgres.close()]);
    },
  };
}

/** Where the server's log stands. */
export async function walPosition({ query }: Servers): Promise<string> {
  const [row] = await query<{ at: string }>('SELECT pg_current_wal_insert_lsn()::text AS at');
  return row?.at ?? '0/0';
}

/**
 * What was written since: bytes of WAL, and commits, counted in the log itself, as the statistics come late. `commits` is
 * absent where the server has no pg_walinspect.
 */
export async function writtenSince(
  { query }: Servers,
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
