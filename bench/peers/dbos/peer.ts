import { closedLoop } from '../closed-loop.js';
import { cacheOf, installProgram } from '../install.js';
import type { Peer } from '../peer.js';

const POOL_SIZE = 20;

/** A library: the workflow and its steps run in the process that starts them, so no step crosses a process. */
const dbos: Peer = {
  name: 'DBOS',
  version: '5.3.0',
  class: 'in-process steps',
  durability: 'a commit for the start, for each step and for the end',
  settings: { systemDatabasePoolSize: POOL_SIZE, node: process.version },
  loads: [
    { inFlight: 1, sagas: 2_000 },
    { inFlight: 64, sagas: 5_000 },
    { inFlight: 256, sagas: 5_000 },
    { inFlight: 1_000, sagas: 6_000 },
  ],
  async setUp() {
    await installProgram('dbos');
    return undefined;
  },
  async start(stack) {
    const url = await stack.postgres();
    url.pathname = '/dbos';
    const env = { DATABASE_URL: url.toString(), POOL_SIZE: String(POOL_SIZE) };
    const options = { cwd: cacheOf('dbos'), env, lines: true };
    return closedLoop(stack, stack.program('dbos', process.execPath, ['app.mjs'], options));
  },
};

export const peers: readonly Peer[] = [dbos];
