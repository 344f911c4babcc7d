import { WorkflowBuilder } from '@counterstep/core';

const PAYLOAD = { text: 'x'.repeat(240) };
const options = (compensation: string) => ({ compensation, input: () => PAYLOAD, attemptTimeout: 60_000 });

/** Three remote steps that do nothing, each with an input of about 256 bytes. */
export const workflow = new WorkflowBuilder('bench')
  .addStep('one', 'bench.one', options('bench.undo'))
  .addStep('two', 'bench.two', options('bench.undo'))
  .addStep('three', 'bench.three', options('bench.undo'))
  .build();

export const STEPS = 3;
