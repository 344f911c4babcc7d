import { SYSTEM, measureW1 } from '../../measure.js';
import { version } from '../../version.js';
import type { Peer } from '../peer.js';

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
    { inFlight: 1_000, sagas: 30_000 },
    { inFlight: 4_000, sagas: 40_000 },
  ],
  async setUp() {
    return undefined;
  },
  async start(stack) {
    const servers = await stack.servers();
    return ({ inFlight, sagas }, repeat) => measureW1({ inFlight, sagas, repeat }, servers);
  },
};

/** The same as one process: no Kafka, no barrier, as systems of this class have it. */
const inProcess: Peer = {
  ...counterstep,
  name: `${SYSTEM} in process`,
  class: 'in-process steps',
  durability: 'what each step gave is in Postgres',
  async start(stack) {
    const servers = await stack.servers();
    return ({ inFlight, sagas }, repeat) => measureW1({ inFlight, sagas, repeat, inProcess: true }, servers);
  },
};

export const peers: readonly Peer[] = [counterstep, inProcess];
