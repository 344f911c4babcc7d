import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, appendFile, chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from '@counterstep/engine';
import pg from 'pg';
import { freePort } from './free-port.js';
import type { Home } from './home.js';

const run = promisify(execFile);

export interface EmbeddedPostgres {
  readonly url: string;
  /** Ends the server, within ten seconds. */
  stop(): Promise<void>;
}

/** The role, and the database. */
const NAME = 'counterstep';
/** Held as long as a launcher uses the cluster. Any constant serves that no other lock uses. */
const LAUNCHER_LOCK = 7_225_690_777;
const STARTUP_PATIENCE_MS = 60_000;

const SETTINGS = `
# Set by Counterstep.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
`;

/**
 * Starts the server of a home, making its cluster first if there is none. A server that a killed process has left behind
 * is taken over. Rejects when another process is using it, or the server does not start (then with the end of its log).
 *
 * `pg_ctl` starts it in a session of its own: a Ctrl-C in the terminal must not reach it before us.
 */
export async function startPostgres(home: Home, logger: Logger): Promise<EmbeddedPostgres> {
  const { folder, binaries, user = {} } = home;
  const cluster = join(folder, 'postgres');
  const password = await makeCluster(home, cluster);
  const control = (...args: string[]): Promise<unknown> =>
    run(join(binaries, 'pg_ctl'), [...args, '-D', cluster, '-w'], { ...user, cwd: folder });

  let lock = await takeOver(cluster, password);
  const left = lock !== undefined;
  if (!lock) {
    const port = await freePort();
    try {
      await control('start', '-t', '60', '-o', `-p ${port}`, '-l', join(cluster, 'server.log'));
    } catch (error) {
      const log = await readFile(join(cluster, 'server.log'), 'utf8').catch(() => '');
      throw new Error(`Postgres did not start:\n${log.split('\n').slice(-12).join('\n')}`, { cause: error });
    }
    lock = await connect(port, password);
  }
  const client = lock;
  client.on('error', () => undefined);
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
    LAUNCHER_LOCK,
  ]);
  if (!rows[0]?.taken) {
    await client.end();
    throw new Error(`${folder} is in use by another process: stop it, or set DATA_DIR to another folder`);
  }
  if (left) logger.info('took over the Postgres that an earlier run has left behind');
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [NAME]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${NAME}`);
  return {
    url: `postgres://${NAME}:${password}@127.0.0.1:${client.port}/${NAME}`,
    stop: async () => {
      await client.end().catch(() => undefined);
      await control('stop', '-m', 'fast', '-t', '10');
    },
  };
}

/** The password of the cluster's one role. A cluster that was not finished is made anew. */
async function makeCluster({ folder, binaries, user }: Home, cluster: string): Promise<string> {
  const passwordFile = join(folder, 'password');
  if (!(await exists(join(cluster, 'PG_VERSION')))) {
    const unfinished = `${cluster}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await writeFile(passwordFile, randomBytes(24).toString('base64url'));
    await chmod(passwordFile, 0o600);
    if (user) for (const path of [unfinished, passwordFile]) await chown(path, user.uid, user.gid);
    const options = [`--username=${NAME}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    const locale = ['--encoding=UTF8', '--locale=C'];
    await run(join(binaries, 'initdb'), [...options, ...locale, `--pgdata=${unfinished}`], {
      ...user,
      cwd: folder,
    });
    await appendFile(join(unfinished, 'postgresql.conf'), SETTINGS);
    await rename(unfinished, cluster);
  }
  return readFile(passwordFile, 'utf8');
}

/** A connection to the server that already runs on the cluster; undefined when none does, its stale mark then being gone. */
async function takeOver(cluster: string, password: string): Promise<pg.Client | undefined> {
  const mark = join(cluster, 'postmaster.pid');
  const deadline = performance.now() + STARTUP_PATIENCE_MS;
  for (;;) {
    const [pid = '', , , port = ''] = (await readFile(mark, 'utf8').catch(() => '')).split('\n');
    if (pid === '') return undefined;
    if (!(await isPostgres(Number(pid)))) {
      // Postgres would take a process that has got the dead server's id for that server, and refuse to start.
      await rm(mark, { force: true });
      return undefined;
    }
    try {
      return await connect(Number(port), password);
    } catch (error) {
      // It is starting up, or shutting down.
      if (performance.now() > deadline) throw error;
      await delay(200);
    }
  }
}

async function isPostgres(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  // Only Linux tells so easily what the process is; elsewhere it is taken for what the mark says.
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'postgres');
  return name.trim() === 'postgres';
}

async function connect(port: number, password: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: NAME,
    password,
    database: 'postgres',
    application_name: 'counterstep launcher',
    connectionTimeoutMillis: 3_000,
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
