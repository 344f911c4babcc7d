import { ValidationError } from '@counterstep/core';
import { MIGRATIONS } from './data-source.js';
import type { ReadPool } from './read-pool.js';

/** Refuses a server that would lose what it confirmed: an accepted saga is never lost. */
export async function checkDurability(pool: ReadPool): Promise<void> {
  const [row] = await pool.query<{ setting: string }>({
    text: "SELECT current_setting('synchronous_commit') AS setting",
  });
  if (row && DURABLE.has(row.setting)) return;
  refuse(
    'SYNCHRONOUS_COMMIT_OFF',
    `synchronous_commit is ${row?.setting}`,
    'set it to on for this role and database',
  );
}

const DURABLE: ReadonlySet<string> = new Set(['on', 'remote_apply']);

/** Refuses a schema that is absent or older than this code. A newer one is fine: versions run side by side in a deploy. */
export async function checkSchema(pool: ReadPool): Promise<void> {
  const [table] = await pool.query<{ exists: boolean }>({
    text: "SELECT to_regclass('counterstep.migration') IS NOT NULL AS exists",
  });
  const done = table?.exists
    ? await pool.query<{ name: string }>({ text: 'SELECT name FROM counterstep.migration' })
    : [];
  const names = new Set(done.map(({ name }) => name));
  const missing = MIGRATIONS.map(({ name }) => name).filter((name) => !names.has(name));
  if (missing.length > 0)
    refuse('SCHEMA_OUTDATED', `the schema lacks ${missing.join(', ')}`, 'run migrate(databaseUrl) first');
}

function refuse(code: string, message: string, mend: string): never {
  throw new ValidationError(code, `${message}: ${mend}`, [{ code, message, mend }]);
}
