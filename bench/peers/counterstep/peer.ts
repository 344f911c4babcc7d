import type { Setup } from '../../fleet.js';
import { IN_PROCESS, SYSTEM, measureOn } from '../../measure.js';
import { version } from '../../version.js';
import type { Peer } from '../peer.js';
import type { Stack } from '../stack.js';

/** Ours, as `npm run bench` measures it: an orchestrator, Kafka, a worker with its barrier, Postgres. */
const counterstep: Peer = {
  name: SYSTEM,
  version,
  class: 'remote steps',
  durability: 'the barrier of every step is in Postgres',
  settings: {},
  loads: [
    { inFlight: 1, sagas: 1_000 },
    { inFlight: 64, sagas: 15_000 },
    { inFlight: 1_000, sagas: 40_000 },
    { inFlight: 4_000, sagas: 60_000 },
  ],
  async setUp() {
    return undefined;
  },
  start: (stack) => start(stack),
};

/** The same as one process: no Kafka, no barrier, as systems of this class have it. */
const inProcess: Peer = {
  ...counterstep,
  name: `${SYSTEM} in process`,
  class: 'in-process steps',
  durability: 'what each step gave is in Postgres',
  start: (stack) => start(stack, IN_PROCESS),
};

async function start(stack: Stack, setup: Partial<Setup> = {}): ReturnType<Peer['start']> {
  const fleet = await stack.fleet({ workload: 'W1', ...setup });
  return ({ inFlight, sagas }, repeat) =>
    measureOn(fleet, { workload: 'W1', inFlight, repeat }, { inFlight, sagas });
}

export const peers: readonly Peer[] = [counterstep, inProcess];
