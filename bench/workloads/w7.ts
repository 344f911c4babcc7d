import { WorkflowBuilder } from '@counterstep/core';
import { action, step, undo } from './workload.js';
import type { Workload } from './workload.js';

/** Longer than it takes to arm them all, so that all wait at the same time. */
export const RETRY_DELAY = 60_000;

export const w7: Workload = {
  name: 'W7',
  title: '1 step that fails once and is retried after a minute',
  workflow: new WorkflowBuilder('bench')
    .addStep('one', 'bench.later', { ...step, retry: { initialDelay: RETRY_DELAY, jitter: 'none' } })
    .build(),
  steps: 1,
  isSequential: false,
  endsAs: 'completed',
  handlers: (barrier) => [
    action(barrier, 'bench.later', ({ attempt }) => {
      if (attempt === 1) throw new Error('as the workload wants it');
    }),
    undo(barrier),
  ],
};
