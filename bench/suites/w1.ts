import { limits } from '../limits/limits.js';
import { IN_PROCESS, measure } from '../measure.js';
import { OPEN, loops } from './loops.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

/** The orchestrator and its worker as one process, without Kafka. */
const IN_PROCESS_LOADS = [
  { inFlight: 64, sagas: 20_000 },
  { inFlight: 1_000, sagas: 30_000 },
];

const overKafka = loops(
  {
    workload: 'W1',
    // From one saga to thousands, so that the servers have run for a while when it counts.
    closed: [
      { inFlight: 1, sagas: 400 },
      { inFlight: 64, sagas: 12_000 },
      { inFlight: 256, sagas: 15_000 },
      { inFlight: 1_000, sagas: 40_000 },
      { inFlight: 4_000, sagas: 60_000 },
    ],
    before: limits,
  },
  [0.5, OPEN],
);

/** The limits and the loops over Kafka on the same servers, by turns; then one process. */
export const w1: Suite = async (run, servers) => {
  await overKafka(run, servers);
  await repeated(run.repeats, async (repeat) => {
    for (const { inFlight, sagas } of IN_PROCESS_LOADS) {
      const key = { workload: 'W1', variant: 'in process', inFlight, repeat };
      const order = { inFlight, sagas: run.scaled(sagas, inFlight) };
      await run.row(key, () => measure(servers, { key, order, setup: IN_PROCESS }));
    }
  });
};
