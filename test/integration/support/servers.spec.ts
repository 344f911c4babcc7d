import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { kafkaBrokers, startKafka } from '../../support/kafka.js';
import type { KafkaServer } from '../../support/kafka.js';
import { listens } from '../../support/kafka/java-broker.js';
import { freshDatabase } from '../../support/postgres.js';
import { waitFor } from '../../support/wait-for.js';

const portOf = (brokers: string) => Number(brokers.split(':')[1]);

describe('the Postgres of the tests', () => {
  test('gives every caller an empty database of its own, and drops it even while somebody is connected', async () => {
    const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
    const client = new pg.Client(one.url);
    client.on('error', () => undefined);
    await client.connect();
    await client.query('CREATE TABLE only_here (id int)');
    const other = new pg.Client(two.url);
    await other.connect();
    const { rows } = await other.query(`SELECT 1 FROM pg_tables WHERE tablename = 'only_here'`);
    expect(rows).toEqual([]);
    await other.end();
    await Promise.all([one.drop(), two.drop()]);
    await expect(new pg.Client(one.url).connect()).rejects.toMatchObject({ code: '3D000' });
  });

  test('allows 200 connections and keeps fsync on', async () => {
    const database = await freshDatabase();
    const client = new pg.Client(database.url);
    await client.connect();
    const { rows } = await client.query(
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'max_connections') ORDER BY 1`,
    );
    expect(rows).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'max_connections', setting: '200' },
    ]);
    await client.end();
    await database.drop();
  });
});

describe('the Kafka of the tests', () => {
  let kafka: KafkaServer;

  beforeAll(async () => {
    kafka = await startKafka();
  }, 120_000);

  afterAll(() => kafka.close());

  test('is shared by the run, beside brokers that a test starts for itself', async () => {
    expect(kafkaBrokers()).not.toBe(kafka.brokers);
    expect(await listens(portOf(kafkaBrokers()))).toBe(true);
    expect(await listens(portOf(kafka.brokers))).toBe(true);
  });

  test('comes back on the same port after an orderly stop and after kill -9', async () => {
    const before = kafka.pid;
    await kafka.stop();
    expect(kafka.pid).toBeUndefined();
    expect(await listens(portOf(kafka.brokers))).toBe(false);
    await kafka.restart();
    expect(await listens(portOf(kafka.brokers))).toBe(true);
    await kafka.kill();
    expect(await listens(portOf(kafka.brokers))).toBe(false);
    await kafka.restart();
    expect(await listens(portOf(kafka.brokers))).toBe(true);
    expect(kafka.pid).not.toBe(before);
  }, 120_000);
});

test('kill -9 of the process that started the servers ends both of them and removes their data', async () => {
  const support = join(import.meta.dirname, '..', '..', 'support');
  const loader = join(support, 'typescript.mjs');
  const env = { ...process.env, KAFKA_BROKERS: '', TEST_DATABASE_URL: '' };
  const owner = spawn(process.execPath, ['--import', loader, join(support, 'hold-servers.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  const { pids, folders } = JSON.parse(line) as { pids: number[]; folders: string[] };
  expect(pids.map(alive)).toEqual([true, true]);
  expect(folders).toHaveLength(2);
  expect(await Promise.all(folders.map(exists))).toEqual([true, true]);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  await waitFor(() => !pids.some(alive), { what: 'both servers are gone' });
  await waitFor(async () => !(await Promise.all(folders.map(exists))).includes(true), {
    what: 'their data is gone',
  });
}, 120_000);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
