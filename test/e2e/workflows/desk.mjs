// Sagas whose input says what the desk worker is to do: see apps/desk-worker.mjs.
import { WorkflowBuilder } from '@counterstep/core';

const quick = { initialDelay: 50, maxDelay: 500 };
const patience = { attemptTimeout: 600_000, undoRetry: { ...quick, maxRetries: 200 } };
const once = { retry: { maxRetries: 0 } };
const kept = { compensation: 'kept.undo', barrier: 'transaction', ...patience, ...once };
const loose = { compensation: 'loose.undo', barrier: 'external', ...patience, ...once };

const workflow = (name) => new WorkflowBuilder(name).withRetryConfig(quick);

/** So much patience that only a redelivery can mend anything. */
export const patient = workflow('patient').addStep('charge', 'kept.do', kept).build();

/** It waits for its charge for a second and a half, once. */
export const impatient = workflow('impatient')
  .addStep('charge', 'kept.do', { ...kept, attemptTimeout: 1_500 })
  .build();

export const late = workflow('late')
  .addStep('reserve', 'loose.do', loose)
  .addStep('charge', 'loose.do', { ...loose, attemptTimeout: 1_500 })
  .build();

export const stubborn = workflow('stubborn')
  .addStep('reserve', 'kept.do', kept)
  .addStep('charge', 'kept.do', { ...kept, undoRetry: { ...quick, maxRetries: 1 } })
  .addStep('ship', 'kept.do', kept)
  .build();

/** Three steps, one after the other. */
export const three = workflow('three')
  .addStep('reserve', 'kept.do', kept)
  .addStep('charge', 'kept.do', kept)
  .addStep('ship', 'kept.do', kept)
  .build();

const parcel = workflow('parcel-of-parent')
  .addStep('pick', 'kept.do', kept)
  .addStep('wrap', 'kept.do', kept)
  .build();

export const parent = workflow('parent')
  .addStep('reserve', 'kept.do', kept)
  .addWorkflow('parcel', parcel)
  .addStep('pay', 'kept.do', kept)
  .build();

export const each = workflow('each')
  .addMap('pack', { over: (context) => context.get('items'), concurrency: 2, worker: 'kept.do', ...kept })
  .addStep('seal', 'kept.do', kept)
  .build();

const carriers = ['north', 'south', 'west'].map((name) => ({ name, worker: 'loose.do', ...loose }));

export const anyCarrier = workflow('any-carrier')
  .addParallelSteps(carriers, { join: 'any' })
  .addStep('ship', 'kept.do', kept)
  .build();

export const twoCarriers = workflow('two-carriers')
  .addParallelSteps(carriers, { join: { quorum: 2 } })
  .addStep('ship', 'kept.do', kept)
  .build();

export const pivot = workflow('pivot')
  .addStep('reserve', 'kept.do', kept)
  .addStep('pay', 'kept.do', { barrier: 'transaction', attemptTimeout: 600_000, pivot: true, ...once })
  .addStep('notify', 'kept.do', {
    barrier: 'transaction',
    attemptTimeout: 600_000,
    retriable: true,
    retry: { ...quick, maxRetries: 1 },
  })
  .build();

export const approved = workflow('approved')
  .addStep('reserve', 'kept.do', kept)
  .waitForApproval('boss', { timeout: 600_000 })
  .addStep('ship', 'kept.do', kept)
  .build();

export const hurried = workflow('hurried')
  .addStep('reserve', 'kept.do', kept)
  .waitForApproval('boss', { timeout: 600_000 })
  .withSagaTimeout(2_000)
  .build();

/** An attempt may take a second and a half; a handler that lives tells so. */
export const beating = workflow('beating')
  .addStep('upload', 'loose.do', { ...loose, attemptTimeout: 1_500 })
  .addStep('ship', 'kept.do', kept)
  .build();

const look = { readOnly: true, attemptTimeout: 1_500, ...once };

export const slow = workflow('slow')
  .addStep('look', 'loose.do', { ...look, barrier: 'external' })
  .build();

/** No worker serves its queue. */
export const unserved = workflow('unserved').addStep('look', 'nobody.do', look).build();
