// node --import ./test/support/typescript.mjs examples/in-process/main.ts
import { StepRejected, WorkflowBuilder, type Undo } from '@counterstep/core';
import { runInProcess } from '@counterstep/engine';

const trip = new WorkflowBuilder('trip').addStep('fly', 'fly', 'undo').addStep('bed', 'bed', 'undo').build();
const handlers = {
  fly: () => ({ seat: '12A' }),
  bed: () => Promise.reject(new StepRejected({ code: 'FULL', message: 'no room left' })),
  undo: ({ output }: Undo) => console.log('undone', output),
};
const { state, cause } = await runInProcess(trip, handlers, { to: 'Lisbon' });
console.log(state, cause?.message);
