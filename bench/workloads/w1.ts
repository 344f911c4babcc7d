import { WorkflowBuilder } from '@counterstep/core';
import { action, step, undo } from './workload.js';
import type { Workload } from './workload.js';

const NAMES = ['bench.one', 'bench.two', 'bench.three'];

export const w1: Workload = {
  name: 'W1',
  title: '3 steps that do nothing',
  workflow: new WorkflowBuilder('bench')
    .addStep('one', 'bench.one', step)
    .addStep('two', 'bench.two', step)
    .addStep('three', 'bench.three', step)
    .build(),
  steps: 3,
  endsAs: 'completed',
  handlers: (barrier) => [...NAMES.map((name) => action(barrier, name)), undo(barrier)],
};
