import { WorkflowBuilder } from '@counterstep/core';
import * as z from 'zod';

const input = z.object({
  orderId: z.string().min(1),
  customerId: z.string().optional(),
  items: z
    .array(
      z.object({ sku: z.string().min(1), quantity: z.int().min(1), price: z.number().min(0).optional() }),
    )
    .min(1),
  /** The sum of the items when it is absent. */
  amount: z.number().min(0).optional(),
  /** `declined` is refused by the sample payment worker. */
  card: z.string().optional(),
  /** The sample shipping worker fails at `nowhere`, twice at `flaky`, and takes its time at `slow`. */
  address: z.string().min(1).optional(),
});

/** Reserve the goods, charge the customer, ship; each step undone by its counterpart when a later one fails. */
export const order = new WorkflowBuilder('order', { input })
  .withRetryConfig({ maxRetries: 5, initialDelay: 500, maxDelay: 10_000 })
  .addStep('reserve', 'inventory.reserve', {
    compensation: 'inventory.release',
    attemptTimeout: 10_000,
    output: z.object({ reservationId: z.string() }),
  })
  .addStep('charge', 'payments.charge', {
    compensation: 'payments.refund',
    attemptTimeout: 10_000,
    output: z.object({ paymentId: z.string(), amount: z.number() }),
  })
  .addStep('ship', 'shipping.ship', {
    compensation: 'shipping.cancel',
    attemptTimeout: 10_000,
    output: z.object({ shipmentId: z.string() }),
  })
  .build();
