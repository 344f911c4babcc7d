import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closedLoop } from '../closed-loop.js';
import { answers, cacheOf, installProgram, onlyWhen, run } from '../install.js';
import type { Peer } from '../peer.js';
import { CONNECTIONS, DATABASES, DYNAMIC, SHARDS, lowPorts, serverConfig } from './server.js';

const SERVER = 'v1.32.0';
const WORKER = {
  maxConcurrentActivityTaskExecutions: 200,
  maxConcurrentWorkflowTaskExecutions: 200,
  maxConcurrentWorkflowTaskPolls: 40,
  maxConcurrentActivityTaskPolls: 40,
  maxCachedWorkflows: 1_000,
};
const GOGC = 400;
const NAMESPACE = 'bench';

/** One server with its four services, on Postgres; a TypeScript worker; a TypeScript client that waits for each result. */
const temporal: Peer = {
  name: 'Temporal',
  version: `server ${SERVER.slice(1)}, TypeScript SDK 1.24.0`,
  class: 'remote steps',
  durability: 'every change of a workflow is committed before it is acted on',
  settings: {
    numHistoryShards: SHARDS,
    maxConns: CONNECTIONS,
    numTaskqueuePartitions: 1,
    GOGC,
    ...WORKER,
    node: process.version,
  },
  loads: [
    { inFlight: 1, sagas: 200 },
    { inFlight: 16, sagas: 400 },
    { inFlight: 64, sagas: 600 },
  ],
  async setUp() {
    if (!(await answers('go', 'version'))) return { absent: 'it is built from source, and there is no Go' };
    await installProgram('temporal');
    const bin = join(cacheOf('temporal'), 'bin');
    const commands = ['server', 'tools/sql'].map((each) => `go.temporal.io/server/cmd/${each}@${SERVER}`);
    await onlyWhen(join(cacheOf('temporal'), 'built.json'), JSON.stringify(commands), () =>
      run('go', ['install', ...commands], { cwd: cacheOf('temporal'), env: { GOBIN: bin } }),
    );
    return undefined;
  },
  async start(stack) {
    const postgres = await stack.postgres();
    const cwd = cacheOf('temporal');
    await createDatabases(cwd, postgres);
    const ports = await lowPorts(9);
    const folder = await stack.folder();
    const [config, dynamic] = [join(folder, 'server.yaml'), join(folder, 'dynamic.yaml')];
    const values = Object.entries(DYNAMIC).map(([key, value]) => [key, [{ value }]]);
    writeFileSync(dynamic, JSON.stringify(Object.fromEntries(values)));
    writeFileSync(config, serverConfig(postgres, ports, dynamic));
    const args = ['--config-file', config, '--allow-no-auth', 'start'];
    stack.program('temporal', join(cwd, 'bin', 'server'), args, { cwd, env: { GOGC: String(GOGC) } });
    const env = {
      ADDRESS: `127.0.0.1:${ports[0]}`,
      NAMESPACE,
      WORKER_OPTIONS: JSON.stringify(WORKER),
    };
    const worker = stack.program('worker', process.execPath, ['worker.mjs'], { cwd, env, lines: true });
    await worker.line(120);
    return closedLoop(
      stack,
      stack.program('load', process.execPath, ['load.mjs'], { cwd, env, lines: true }),
    );
  },
};

export const peers: readonly Peer[] = [temporal];

async function createDatabases(cwd: string, postgres: URL): Promise<void> {
  for (const [schema, database] of Object.entries(DATABASES)) {
    const tool = (...args: string[]) =>
      run(
        join(cwd, 'bin', 'sql'),
        [
          ...['--plugin', 'postgres12_pgx', '--endpoint', postgres.hostname, '--port', postgres.port],
          ...['--user', postgres.username, '--password', postgres.password, '--database', database],
          ...args,
        ],
        { cwd },
      );
    await tool('create-database');
    await tool('setup-schema', '--version', '0.0');
    await tool('update-schema', '--schema-name', `postgresql/v12/${schema}`);
  }
}
