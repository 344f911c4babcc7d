import { IN_PROCESS, measure } from '../measure.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

const LOADS = [
  { inFlight: 1, sagas: 400 },
  { inFlight: 64, sagas: 12_000 },
  { inFlight: 256, sagas: 15_000 },
  { inFlight: 1_000, sagas: 40_000 },
  { inFlight: 4_000, sagas: 60_000 },
];
/** The orchestrator and its worker as one process, without Kafka. */
const IN_PROCESS_LOADS = [
  { inFlight: 64, sagas: 20_000 },
  { inFlight: 1_000, sagas: 30_000 },
];
/** Shares of what the closed loops reached at their best. */
const OPEN = [0.5, 0.8];
const OPEN_SECONDS = 15;

/**
 * Closed loops from one saga to thousands, so that the servers have run for a while when it counts; then open loops below
 * the highest rate that they reached, and one process.
 */
export const w1: Suite = async (run, servers) => {
  await repeated(run.repeats, async (repeat) => {
    for (const { inFlight, sagas } of LOADS) {
      const key = { workload: 'W1', inFlight, repeat };
      const order = { inFlight, sagas: run.scaled(sagas, inFlight) };
      await run.row(key, () => measure(servers, { key, order }));
    }
  });
  const best = run.best() ?? 0;
  await repeated(run.repeats, async (repeat) => {
    for (const share of OPEN) {
      const key = { workload: 'W1', variant: `open loop at ${share * 100} %`, repeat };
      const rate = Math.max(1, Math.round(best * share));
      const order = { rate, sagas: run.scaled(rate * OPEN_SECONDS) };
      await run.row(key, () => measure(servers, { key, order }));
    }
    for (const { inFlight, sagas } of IN_PROCESS_LOADS) {
      const key = { workload: 'W1', variant: 'in process', inFlight, repeat };
      const order = { inFlight, sagas: run.scaled(sagas, inFlight) };
      await run.row(key, () => measure(servers, { key, order, setup: IN_PROCESS }));
    }
  });
};
