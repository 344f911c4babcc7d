import { WorkflowBuilder } from '@counterstep/core';
import type { StepContext } from '@counterstep/worker';
import { action, step, undo } from './workload.js';
import type { Workload } from './workload.js';

const NAMES = ['bench.one', 'bench.two', 'bench.three'] as const;
const RETRY = { initialDelay: 100, jitter: 'none' } as const;

/** One first attempt in ten, by the saga's random digits and the step, so that every run has the same share. */
function failsFirst({ attempt, sagaId, step: name }: StepContext): void {
  const draw = Number.parseInt(sagaId.slice(-6), 16) + name.charCodeAt(1);
  if (attempt === 1 && draw % 10 === 0) throw new Error('as the workload wants it');
}

export const w6: Workload = {
  name: 'W6',
  title: '3 steps, 10 % of their first attempts fail and are retried after 100 ms',
  workflow: new WorkflowBuilder('bench')
    .addStep('one', NAMES[0], { ...step, retry: RETRY })
    .addStep('two', NAMES[1], { ...step, retry: RETRY })
    .addStep('three', NAMES[2], { ...step, retry: RETRY })
    .build(),
  steps: 3,
  endsAs: 'completed',
  handlers: (barrier) => [...NAMES.map((name) => action(barrier, name, failsFirst)), undo(barrier)],
};
