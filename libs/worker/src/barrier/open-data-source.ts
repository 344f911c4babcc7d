import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { carefully } from '@counterstep/protocol';
import type { WorkerLogger } from '../logger.js';
import { quoteIdentifier } from './table.js';

export interface OpenDataSourceOptions {
  /** Made if it is absent, before the migrations run. */
  readonly schema: string;
  readonly logger: WorkerLogger;
  /** Ends the waiting; the promise then rejects. */
  readonly signal?: AbortSignal;
}

/** Any constant serves that no other lock in the database uses. */
const MIGRATION_LOCK = 7_225_690_115;
const MAX_BACKOFF_MS = 5_000;

/**
 * Opens a service's database: waits for a server that is away, saying so in the log, makes the schema and runs the
 * migrations of `make()`'s options. Instances that start together take turns. Rejects when a migration fails.
 */
export async function openDataSource(
  make: () => DataSource,
  { schema, logger, signal }: OpenDataSourceOptions,
): Promise<DataSource> {
  for (let tries = 0; ; tries += 1) {
    const dataSource = make();
    try {
      await dataSource.initialize();
    } catch (error) {
      const reason = error instanceof Error ? error.message || error.name : String(error);
      carefully(logger).warn(`waiting for Postgres at ${addressOf(dataSource)}: ${reason}`, {
        tries: tries + 1,
      });
      await delay(Math.min(MAX_BACKOFF_MS, 250 * 2 ** tries), undefined, signal && { signal });
      continue;
    }
    await migrate(dataSource, schema);
    return dataSource;
  }
}

async function migrate(dataSource: DataSource, schema: string): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runner.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await runner.release();
  }
}

/** Host, port and database, without the password. */
function addressOf(dataSource: DataSource): string {
  const options = dataSource.options as { url?: string; host?: string; port?: number; database?: string };
  if (options.url !== undefined && URL.canParse(options.url)) {
    const { host, pathname } = new URL(options.url);
    return `${host}${pathname}`;
  }
  return `${options.host ?? 'localhost'}:${options.port ?? 5432}/${options.database ?? ''}`;
}
