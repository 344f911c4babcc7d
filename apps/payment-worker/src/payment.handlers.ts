import { Injectable } from '@nestjs/common';
import {
  CompensationHandler,
  StepHandler,
  StepRejected,
  withUndoData,
  type StepContext,
  type Undo,
  type WithUndoData,
} from '@counterstep/worker';
import { IsNull, type EntityManager } from 'typeorm';
import * as z from 'zod';
import { Payment } from './payment.entity.js';
import { Refund } from './refund.entity.js';

export abstract class PaymentRules {
  abstract readonly creditLimit: number;
}

const order = z.looseObject({
  orderId: z.string().min(1),
  customerId: z.string().optional(),
  card: z.string().optional(),
  /** The sum of the items when it is absent. */
  amount: z.number().min(0).optional(),
  items: z
    .array(z.looseObject({ quantity: z.int().min(1), price: z.number().min(0).default(0) }))
    .default([]),
});
const charged = z.object({ paymentId: z.string(), amount: z.number() });

/** Charges and refunds. Everything is written through the barrier's transaction. */
@Injectable()
export class PaymentHandlers {
  constructor(private readonly rules: PaymentRules) {}

  @StepHandler('payments.charge', { barrier: 'transaction', input: order, output: charged })
  async charge(
    input: z.infer<typeof order>,
    { tx, sagaId, step, effectKey }: StepContext<EntityManager>,
  ): Promise<WithUndoData<z.infer<typeof charged>>> {
    const { orderId, customerId, card } = input;
    const amount =
      input.amount ?? input.items.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
    if (card === 'declined' || amount > this.rules.creditLimit) {
      throw new StepRejected({
        code: 'CARD_DECLINED',
        message: `the card for order ${orderId} was declined`,
      });
    }
    const { identifiers } = await tx.insert(Payment, {
      effectKey,
      sagaId,
      step,
      orderId,
      customerId: customerId ?? null,
      amount: amount.toFixed(2),
    });
    const paymentId = String(identifiers[0]?.['id']);
    return withUndoData({ paymentId, amount }, { paymentId });
  }

  @CompensationHandler('payments.refund', { barrier: 'transaction', input: order, output: charged })
  async refund(
    _undo: Undo<z.infer<typeof order>, z.infer<typeof charged>>,
    { tx, sagaId, step, effectKey }: StepContext<EntityManager>,
  ): Promise<{ refunded: number }> {
    // Found by saga and step, not by the action's output: the reply that carried it may be lost.
    const standing = await tx.findBy(Payment, { sagaId, step, refundedAt: IsNull() });
    const amount = standing.reduce((sum, payment) => sum + Number(payment.amount), 0);
    for (const { id } of standing)
      await tx.update(Payment, { id }, { refundedAt: () => 'clock_timestamp()' });
    await tx.insert(Refund, { effectKey, sagaId, step, amount: amount.toFixed(2) });
    return { refunded: amount };
  }
}
