import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpSchema, migrate } from '@counterstep/store';
import { expect, test } from '@jest/globals';
import { freshDatabase } from '../support/postgres.js';

test('docs/schema.sql is what the migrations make (npm run schema:dump writes it)', async () => {
  const database = await freshDatabase();
  try {
    await migrate(database.url);
    const written = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'schema.sql'), 'utf8');
    expect(await dumpSchema(database.url)).toBe(written);
  } finally {
    await database.drop();
  }
});
