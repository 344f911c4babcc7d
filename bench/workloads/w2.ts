import { WorkflowBuilder } from '@counterstep/core';
import { action, step, undo } from './workload.js';
import type { Workload } from './workload.js';

const STEPS = 10;

const builder = new WorkflowBuilder('bench');
for (let i = 1; i <= STEPS; i += 1) builder.addStep(`step${i}`, 'bench.step', step);

export const w2: Workload = {
  name: 'W2',
  title: '10 steps',
  workflow: builder.build(),
  steps: STEPS,
  endsAs: 'completed',
  handlers: (barrier) => [action(barrier, 'bench.step'), undo(barrier)],
};
