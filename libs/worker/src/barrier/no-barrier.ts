import type { Answer, Barrier, BarrierEntry } from './barrier.js';
import { settle, type BarrierRow } from './rules.js';

/** What a row looks like right after it was claimed. */
export const CLAIMED: BarrierRow = { state: 'started', answer: null, undoBegan: false, executions: 1 };

/** Mode `none`: every delivery runs, and nothing is remembered. For workers whose handlers all have that mode. */
export class NoBarrier implements Barrier {
  perform(group: readonly BarrierEntry[]): readonly Promise<Answer>[] {
    return group.map(async ({ effect }) => settle(CLAIMED, await effect(undefined)).answer);
  }
}
