import { join } from 'node:path';
import { freePorts } from '../../../test/support/free-port.js';
import { closedLoop } from '../closed-loop.js';
import { cacheOf, installProgram, node24 } from '../install.js';
import type { Peer } from '../peer.js';

const PARTITIONS = 1;

/** Keeps its log and its state itself, so it needs no Postgres. */
const restate: Peer = {
  name: 'Restate',
  version: 'server 1.7.12, TypeScript SDK 1.17.2',
  class: 'remote steps',
  durability: 'its own log on one node, fsync of the log on (rocksdb-disable-wal-fsync=false), replication 1',
  settings: {
    'default-num-partitions': PARTITIONS,
    journalRetention: 0,
    protocol: 'HTTP/2',
    node: 'v24.21.0',
  },
  loads: [
    { inFlight: 1, sagas: 700 },
    { inFlight: 64, sagas: 4_000 },
    { inFlight: 256, sagas: 5_000 },
    { inFlight: 512, sagas: 6_000 },
  ],
  async setUp() {
    await installProgram('restate');
    return undefined;
  },
  async start(stack) {
    const [ingress, admin, node, service] = (await freePorts(4)).map(String);
    const cwd = cacheOf('restate');
    const platform = `restate-server-${process.platform}-${process.arch}`;
    const server = join(cwd, 'node_modules', '@restatedev', platform, 'bin', 'restate-server');
    stack.program('restate', server, ['--base-dir', await stack.folder()], {
      cwd,
      env: {
        RESTATE_DEFAULT_NUM_PARTITIONS: String(PARTITIONS),
        RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
        RESTATE_LISTEN_MODE: 'tcp',
        RESTATE_DISABLE_TELEMETRY: 'true',
        RESTATE_LOG_FILTER: 'warn',
      },
    });
    const env = { SERVICE_PORT: `${service}`, INGRESS_PORT: `${ingress}`, ADMIN_PORT: `${admin}` };
    const services = stack.program('services', node24('restate'), ['service.mjs'], {
      cwd,
      env,
      lines: true,
    });
    await services.line(30);
    return closedLoop(
      stack,
      stack.program('load', node24('restate'), ['load.mjs'], { cwd, env, lines: true }),
    );
  },
};

export const peers: readonly Peer[] = [restate];
