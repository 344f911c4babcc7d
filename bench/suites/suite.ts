import type { Run } from '../run.js';
import type { Servers } from '../servers.js';

/** All measurements of one workload. */
export type Suite = (run: Run, servers: Servers) => Promise<void>;

/** Calls `measure` with 1, 2 and so on, so that the measurements of a repeat lie side by side. */
export async function repeated(times: number, measure: (repeat: number) => Promise<void>): Promise<void> {
  for (let repeat = 1; repeat <= times; repeat += 1) await measure(repeat);
}
