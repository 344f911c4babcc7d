import { WorkflowBuilder } from '@counterstep/core';

const quick = { initialDelay: 100, maxDelay: 500 };

const steps = (name, attemptTimeout) =>
  new WorkflowBuilder(name)
    .withRetryConfig({ ...quick, maxRetries: 5 })
    .addStep('reserve', 'inventory.reserve', {
      compensation: 'inventory.release',
      attemptTimeout,
      undoRetry: quick,
    })
    .addStep('charge', 'payments.charge', {
      compensation: 'payments.refund',
      attemptTimeout,
      undoRetry: quick,
    })
    .addStep('ship', 'shipping.ship', { compensation: 'shipping.cancel', attemptTimeout, undoRetry: quick })
    .build();

/** The samples' order, as a customer would run it. */
export const order = steps('order', 5_000);

/** The same with so much patience that no timeout can be what mends it. */
export const patientOrder = steps('patient-order', 600_000);

/** One step at the ledger worker, which dies when told to. */
export const ledger = new WorkflowBuilder('ledger')
  .withRetryConfig({ ...quick, maxRetries: 10 })
  .addStep('post', 'ledger.post', {
    compensation: 'ledger.unpost',
    attemptTimeout: 600_000,
    barrier: 'transaction',
  })
  .build();

/** Three steps at the ledger worker with retries as they are by default: an outage that counted would spend them all. */
export const outlast = ['first', 'second', 'third']
  .reduce(
    (builder, name) =>
      builder.addStep(name, 'ledger.post', {
        compensation: 'ledger.unpost',
        attemptTimeout: 4_000,
        barrier: 'transaction',
      }),
    new WorkflowBuilder('outlast'),
  )
  .build();
