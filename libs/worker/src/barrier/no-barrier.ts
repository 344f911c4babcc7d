import { CLAIMED, settle, type Answer } from '@counterstep/core';
import type { Barrier, BarrierEntry } from './barrier.js';

/** Mode `none`: every delivery runs, and nothing is remembered. For workers whose handlers all have that mode. */
export class NoBarrier implements Barrier {
  perform(group: readonly BarrierEntry[]): readonly Promise<Answer>[] {
    return group.map(async ({ effect }) => settle(CLAIMED, await effect(undefined)).answer);
  }
}
