import { Injectable } from '@nestjs/common';
import {
  CompensationHandler,
  StepHandler,
  StepRejected,
  type StepContext,
  type Undo,
} from '@counterstep/worker';
import { IsNull, type EntityManager } from 'typeorm';
import * as z from 'zod';
import { Release } from './release.entity.js';
import { Reservation, type ReservedItem } from './reservation.entity.js';
import { Stock } from './stock.entity.js';

export abstract class InventoryRules {
  abstract readonly initialStock: number;
}

const order = z.looseObject({
  orderId: z.string().min(1),
  items: z.array(z.looseObject({ sku: z.string().min(1), quantity: z.int().min(1) })).min(1),
});
const reserved = z.object({ reservationId: z.string() });

/** Keeps stock. Everything is written through the barrier's transaction, so each effect stands once or not at all. */
@Injectable()
export class InventoryHandlers {
  constructor(private readonly rules: InventoryRules) {}

  @StepHandler('inventory.reserve', { barrier: 'transaction', input: order, output: reserved })
  async reserve(
    { orderId, items }: z.infer<typeof order>,
    { tx, sagaId, step, effectKey }: StepContext<EntityManager>,
  ): Promise<z.infer<typeof reserved>> {
    const wanted = totals(items);
    for (const { sku, quantity } of wanted) await this.take(tx, sku, quantity);
    const { identifiers } = await tx.insert(Reservation, { effectKey, sagaId, step, orderId, items: wanted });
    return { reservationId: String(identifiers[0]?.['id']) };
  }

  @CompensationHandler('inventory.release', { barrier: 'transaction', input: order, output: reserved })
  async release(
    _undo: Undo<z.infer<typeof order>, z.infer<typeof reserved>>,
    { tx, sagaId, step, effectKey }: StepContext<EntityManager>,
  ): Promise<{ released: number }> {
    // Found by saga and step, not by the action's output: the reply that carried it may be lost.
    const standing = await tx.findBy(Reservation, { sagaId, step, releasedAt: IsNull() });
    for (const reservation of standing) {
      for (const { sku, quantity } of reservation.items)
        await tx.increment(Stock, { sku }, 'available', quantity);
      await tx.update(Reservation, { id: reservation.id }, { releasedAt: () => 'clock_timestamp()' });
    }
    await tx.insert(Release, { effectKey, sagaId, step, reservations: standing.map(({ id }) => id) });
    return { released: standing.length };
  }

  private async take(tx: EntityManager, sku: string, quantity: number): Promise<void> {
    await tx
      .createQueryBuilder()
      .insert()
      .into(Stock)
      .values({ sku, available: this.rules.initialStock })
      .orIgnore()
      .execute();
    const { affected } = await tx
      .createQueryBuilder()
      .update(Stock)
      .set({ available: () => 'available - :quantity' })
      .where('sku = :sku AND available >= :quantity', { sku, quantity })
      .execute();
    if (affected !== 1) {
      throw new StepRejected({ code: 'OUT_OF_STOCK', message: `there are fewer than ${quantity} of ${sku}` });
    }
  }
}

/** One entry per sku, in the order of the skus: two orders that share some lock them in the same order. */
function totals(items: readonly ReservedItem[]): ReservedItem[] {
  const bySku = new Map<string, number>();
  for (const { sku, quantity } of items) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
  return [...bySku].map(([sku, quantity]) => ({ sku, quantity })).sort((a, b) => (a.sku < b.sku ? -1 : 1));
}
