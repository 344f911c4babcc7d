import { measure } from '../measure.js';
import type { Measurement } from '../measure.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

interface Loop {
  readonly inFlight: number;
  readonly sagas: number;
  readonly setup?: Measurement['setup'];
}

/** A workload that is measured in closed loops and in nothing else. */
export function closedLoops(workload: string, loops: readonly Loop[]): Suite {
  return (run, servers) =>
    repeated(run.repeats, async (repeat) => {
      for (const { inFlight, sagas, setup } of loops) {
        const key = { workload, inFlight, repeat };
        const order = { inFlight, sagas: run.scaled(sagas, inFlight) };
        await run.row(key, () => measure(servers, { key, order, ...(setup && { setup }) }));
      }
    });
}
