import pg from 'pg';
import { dataSourceOf } from './data-source.js';
import { LOCK_CLASS } from './locks.js';

const DDL_TIMEOUT = 10 * 60_000;

/**
 * Brings the schema `counterstep` of the database to this version. Several processes may call it at once: one migrates,
 * the others wait. Rejects with the driver's error when the database cannot be reached or the role may not do it.
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const guard = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'counterstep migrate',
    keepAlive: true,
  });
  guard.on('error', () => undefined);
  await guard.connect();
  try {
    await guard.query('SELECT pg_advisory_lock($1, $2)', [LOCK_CLASS, MIGRATION_LOCK]);
    const { rows } = await guard.query<{ exists: boolean }>(
      "SELECT to_regnamespace('counterstep') IS NOT NULL AS exists",
    );
    if (!rows[0]?.exists) await guard.query('CREATE SCHEMA counterstep');
    await runMigrations(databaseUrl);
  } finally {
    await guard.end();
  }
}

/** Beside the lanes' ids, which are greater. */
const MIGRATION_LOCK = 0;

async function runMigrations(url: string): Promise<void> {
  const dataSource = dataSourceOf({
    url,
    applicationName: 'counterstep migrate',
    connections: 1,
    statementTimeout: DDL_TIMEOUT,
  });
  await dataSource.initialize();
  try {
    await dataSource.runMigrations();
  } finally {
    await dataSource.destroy();
  }
}
