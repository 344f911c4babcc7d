import { WorkflowBuilder } from '@counterstep/core';
import * as z from 'zod';

const input = z.object({
  orderId: z.string().min(1),
  items: z.array(z.object({ sku: z.string().min(1), quantity: z.int().min(1) })).min(1),
  amount: z.number().min(0),
  card: z.string().optional(),
  /** Without one the customer collects the goods, and nothing is shipped. */
  address: z.string().min(1).optional(),
});

/** Goods and money at the same time; shipped only when there is an address. */
export const expressOrder = new WorkflowBuilder('express-order', { input })
  .withRetryConfig({ maxRetries: 5, initialDelay: 500, maxDelay: 10_000 })
  .addParallelSteps([
    {
      name: 'reserve',
      worker: 'inventory.reserve',
      compensation: 'inventory.release',
      attemptTimeout: 10_000,
    },
    { name: 'charge', worker: 'payments.charge', compensation: 'payments.refund', attemptTimeout: 10_000 },
  ])
  .addConditionalStep('ship', 'shipping.ship', (context) => context.get('address') !== undefined, {
    compensation: 'shipping.cancel',
    attemptTimeout: 10_000,
  })
  .build();
