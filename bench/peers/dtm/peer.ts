import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePorts } from '../../../test/support/free-port.js';
import { closedLoop } from '../closed-loop.js';
import { answers, cacheOf } from '../install.js';
import type { Load, Peer } from '../peer.js';
import { DTM, build, schema } from './build.js';

const CONNECTIONS = 20;

/** Over HTTP, every branch with its action and its compensation. */
export const peers: readonly Peer[] = [
  dtm({
    name: 'dtm durable',
    updateBranchSync: 1,
    progress: 'the start, each step and the end are committed before the saga goes on',
    loads: [
      { inFlight: 1, sagas: 2_500 },
      { inFlight: 16, sagas: 7_000 },
      { inFlight: 64, sagas: 6_000 },
    ],
  }),
  dtm({
    name: 'dtm default',
    updateBranchSync: 0,
    progress:
      'the start and the end are committed; the progress of steps is written late, so a crash repeats steps',
    loads: [
      { inFlight: 1, sagas: 5_000 },
      { inFlight: 16, sagas: 12_000 },
      { inFlight: 64, sagas: 9_000 },
    ],
  }),
];

interface Variant {
  readonly name: string;
  readonly updateBranchSync: 0 | 1;
  readonly progress: string;
  readonly loads: readonly Load[];
}

function dtm({ name, updateBranchSync, progress, loads }: Variant): Peer {
  return {
    name,
    version: DTM.slice(1),
    class: 'remote steps',
    durability: progress,
    settings: { UpdateBranchSync: updateBranchSync, MaxOpenConns: CONNECTIONS, MaxIdleConns: CONNECTIONS },
    notes: [
      'its HTTP client is patched to keep its connections, which costs it less than it does as it comes',
    ],
    loads,
    async setUp() {
      if (!(await answers('go', 'version'))) return { absent: 'it is built from source, and there is no Go' };
      await build(new URL('program/', import.meta.url));
      return undefined;
    },
    async start(stack) {
      const postgres = await stack.postgres();
      await execute(postgres.toString(), schema());
      const [http, grpc, branches] = await freePorts(3);
      const cwd = cacheOf('dtm');
      const config = join(await stack.folder(), 'dtm.yml');
      writeFileSync(
        config,
        // JSON is YAML.
        JSON.stringify({
          Store: {
            Driver: 'postgres',
            Host: postgres.hostname,
            Port: Number(postgres.port),
            User: postgres.username,
            Password: postgres.password,
            Db: postgres.pathname.slice(1),
            MaxOpenConns: CONNECTIONS,
            MaxIdleConns: CONNECTIONS,
          },
          LogLevel: 'warn',
          HttpPort: http,
          GrpcPort: grpc,
          UpdateBranchSync: updateBranchSync,
        }),
      );
      const env = { DTM: `127.0.0.1:${http}`, BRANCHES: `127.0.0.1:${branches}` };
      stack.program('dtm', join(cwd, 'dtm'), ['-c', config], { cwd });
      stack.program('branches', join(cwd, 'bench'), ['branches'], { cwd, env });
      return closedLoop(
        stack,
        stack.program('load', join(cwd, 'bench'), ['load'], { cwd, env, lines: true }),
      );
    },
  };
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
