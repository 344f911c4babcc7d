import { decide } from '@counterstep/core';
import { enterBarrier, leaveBarrier } from '@counterstep/worker';

/** By what a simulation goes. Ours alone are right; that wrong ones are found out is how the simulation is tested. */
export interface Rules {
  readonly decide: typeof decide;
  readonly enterBarrier: typeof enterBarrier;
  readonly leaveBarrier: typeof leaveBarrier;
}

export const OUR_RULES: Rules = { decide, enterBarrier, leaveBarrier };
