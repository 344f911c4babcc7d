// Writes docs/schema.sql: migrates an empty database of an embedded server and reads the schema from its catalog.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpSchema, migrate } from '@counterstep/store';
import { freshDatabase, startPostgres } from '../test/support/postgres.ts';

const server = await startPostgres();
try {
  const database = await freshDatabase(server.url);
  await migrate(database.url);
  await writeFile(join(import.meta.dirname, '..', 'docs', 'schema.sql'), await dumpSchema(database.url));
  await database.drop();
} finally {
  await server.close();
}
