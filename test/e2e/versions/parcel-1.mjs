// Version 1 of a workflow that is deployed while its sagas run.
import { WorkflowBuilder } from '@counterstep/core';

const kept = { compensation: 'kept.undo', barrier: 'transaction', attemptTimeout: 600_000 };

export const parcel = new WorkflowBuilder('parcel', { version: 1 })
  .addStep('pick', 'kept.do', kept)
  .addStep('wrap', 'kept.do', kept)
  .build();
