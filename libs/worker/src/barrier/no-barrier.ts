import { CLAIMED, settle } from '@counterstep/core';
import type { Barrier, BarrierEntry } from './barrier.js';

/** Mode `none`: every delivery runs, and nothing is remembered. For workers whose handlers all have that mode. */
export class NoBarrier implements Barrier {
  async perform(group: readonly BarrierEntry[]): Promise<void> {
    await Promise.all(group.map(performWithout));
  }
}

/** Runs the effect whatever was before, and remembers nothing. */
export async function performWithout(entry: BarrierEntry): Promise<void> {
  entry.answered(settle(CLAIMED, await entry.effect(undefined)).answer);
}
