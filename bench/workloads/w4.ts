import { WorkflowBuilder } from '@counterstep/core';
import { action, step, undo } from './workload.js';
import type { Workload } from './workload.js';

const WIDTH = 10;

export const w4: Workload = {
  name: 'W4',
  title: 'fan-out of 10, their join, and one step after it',
  workflow: new WorkflowBuilder('bench')
    .addParallelSteps(
      Array.from({ length: WIDTH }, (_, index) => ({
        name: `member${index + 1}`,
        worker: 'bench.member',
        ...step,
      })),
    )
    .addStep('last', 'bench.last', step)
    .build(),
  steps: WIDTH + 1,
  together: WIDTH,
  endsAs: 'completed',
  handlers: (barrier) => [
    ...['bench.member', 'bench.last'].map((name) => action(barrier, name)),
    undo(barrier),
  ],
};
