import { WorkflowBuilder } from '@counterstep/core';
import { action, step, undo } from './workload.js';
import type { Workload } from './workload.js';

/** Longer than it takes to arm them all, so that all wait at the same time. */
export const RETRY_DELAY = 120_000;
const RETRY = { initialDelay: RETRY_DELAY, maxDelay: RETRY_DELAY, jitter: 'none' } as const;

export const w7: Workload = {
  name: 'W7',
  title: '1 step that fails once and is retried after two minutes',
  workflow: new WorkflowBuilder('bench').addStep('one', 'bench.later', { ...step, retry: RETRY }).build(),
  steps: 1,
  endsAs: 'completed',
  handlers: (barrier) => [
    action(barrier, 'bench.later', ({ attempt }) => {
      if (attempt === 1) throw new Error('as the workload wants it');
    }),
    undo(barrier),
  ],
};
