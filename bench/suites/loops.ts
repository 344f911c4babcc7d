import { measure } from '../measure.js';
import type { Measurement } from '../measure.js';
import type { Run } from '../run.js';
import type { Servers } from '../servers.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

export interface Loop {
  readonly inFlight: number;
  readonly sagas: number;
}

/** What is measured of one workload. */
export interface Loops {
  readonly workload: string;
  readonly closed: readonly Loop[];
  readonly setup?: Measurement['setup'];
  /** Comes before each repeat of the closed loops, on the same servers. */
  readonly before?: (run: Run, servers: Servers, repeat: number) => Promise<void>;
}

/** Of an open loop: the share of what closed loops reached at their best. Above it, what waits grows by every small delay. */
export const OPEN = 0.8;
const OPEN_SECONDS = 15;

/** All closed loops, over and over; then open loops at `shares` of the highest rate that they reached. */
export function loops({ workload, closed, setup, before }: Loops, shares: readonly number[] = [OPEN]): Suite {
  return async (run, servers) => {
    await repeated(run.repeats, async (repeat) => {
      await before?.(run, servers, repeat);
      for (const { inFlight, sagas } of closed) {
        const key = { workload, inFlight, repeat };
        const order = { inFlight, sagas: run.scaled(sagas, inFlight) };
        await run.row(key, () => measure(servers, { key, order, ...(setup && { setup }) }));
      }
    });
    await repeated(run.repeats, async (repeat) => {
      for (const share of shares) {
        const key = { workload, variant: openLoop(share), repeat };
        const order = openOrder(run, run.best(workload), share);
        await run.row(key, () => measure(servers, { key, order, ...(setup && { setup }) }));
      }
    });
  };
}

/** What its row is called. */
export function openLoop(share = OPEN): string {
  return `open loop at ${share * 100} %`;
}

/** As fast as that share of `best`, sagas per second. */
export function openOrder(run: Run, best = 0, share = OPEN): { rate: number; sagas: number } {
  const rate = Math.max(1, Math.round(best * share));
  return { rate, sagas: run.scaled(rate * OPEN_SECONDS) };
}
