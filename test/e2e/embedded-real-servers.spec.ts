import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { freePort } from '../support/free-port.js';
import { kafkaBrokers } from '../support/kafka.js';
import { freshDatabase } from '../support/postgres.js';
import { Launcher } from './support/launcher.js';

jest.setTimeout(120_000);

test('DATABASE_URL and KAFKA_BROKERS switch npm start to real servers, with no other change', async () => {
  const database = await freshDatabase();
  const folder = join(tmpdir(), `counterstep-unused-${randomUUID()}`);
  const launcher = new Launcher(folder, await freePort(), {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: kafkaBrokers(),
    TOPIC_PREFIX: `embedded-${randomUUID().slice(0, 8)}`,
  });
  const client = new pg.Client(database.url);
  try {
    await launcher.welcomed();
    expect(launcher.text).toContain('the Postgres of DATABASE_URL, Kafka at ');
    expect(launcher.lines.filter((line) => /^ {2}completed /.test(line))).toHaveLength(4);
    expect(launcher.lines.filter((line) => /^ {2}compensated /.test(line))).toHaveLength(3);
    await client.connect();
    const { rows } = await client.query('SELECT count(*)::int AS count FROM counterstep.finished_saga');
    expect(rows).toEqual([{ count: 7 }]);
    expect(existsSync(folder)).toBe(false);
    await launcher.end('SIGTERM');
    expect(launcher.ending).toBe(0);
  } finally {
    await client.end();
    await launcher.end('SIGKILL');
    await database.drop();
  }
});
