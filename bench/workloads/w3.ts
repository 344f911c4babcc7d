import { WorkflowBuilder } from '@counterstep/core';
import { StepRejected } from '@counterstep/worker';
import { action, step, undo } from './workload.js';
import type { Workload } from './workload.js';

export const w3: Workload = {
  name: 'W3',
  title: '3 steps, the last is rejected, the others are undone',
  workflow: new WorkflowBuilder('bench')
    .addStep('one', 'bench.one', step)
    .addStep('two', 'bench.two', step)
    .addStep('three', 'bench.refuse', step)
    .build(),
  // Three forward, two back.
  steps: 5,
  endsAs: 'compensated',
  handlers: (barrier) => [
    ...['bench.one', 'bench.two'].map((name) => action(barrier, name)),
    action(barrier, 'bench.refuse', () => {
      throw new StepRejected({ code: 'REFUSED', message: 'as the workload wants it' });
    }),
    undo(barrier),
  ],
};
