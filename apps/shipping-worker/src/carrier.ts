import { setTimeout as delay } from 'node:timers/promises';
import { NonRetryable } from '@counterstep/worker';
import { IsNull, type DataSource } from 'typeorm';
import { Cancellation } from './cancellation.entity.js';
import { Shipment } from './shipment.entity.js';

export interface ShippingRules {
  /** Milliseconds that a delivery to the address `slow` takes. */
  readonly slowMs: number;
}

export interface Consignment {
  readonly sagaId: string;
  readonly step: string;
  readonly orderId: string;
  readonly address: string;
}

/**
 * Stands for a carrier's service: what it does is not part of our transaction, and it takes a key with each request, under
 * which the same request twice is done once.
 */
export class Carrier {
  constructor(
    private readonly database: DataSource,
    private readonly rules: ShippingRules,
  ) {}

  /** Resolves to the shipment's number. `attempt` is how often it was asked. */
  async ship(key: string, consignment: Consignment, attempt: number, signal: AbortSignal): Promise<string> {
    const { address } = consignment;
    if (address === 'flaky' && attempt <= 2) throw new Error('the carrier is busy');
    if (address === 'slow') await delay(this.rules.slowMs, undefined, { signal });
    await this.database
      .createQueryBuilder()
      .insert()
      .into(Shipment)
      .values({ ...consignment, effectKey: key })
      .orIgnore()
      .execute();
    // The carrier took the parcel before it found that there is no such place: the step fails and must be undone.
    if (address === 'nowhere') {
      throw new NonRetryable({ code: 'UNDELIVERABLE', message: 'the carrier found no such address' });
    }
    const shipment = await this.database.getRepository(Shipment).findOneByOrFail({ effectKey: key });
    return shipment.id;
  }

  /** Cancels what stands of a saga's step. Resolves to how many shipments that were, now or when it was first asked. */
  async cancel(key: string, sagaId: string, step: string): Promise<number> {
    return this.database.transaction(async (tx) => {
      const done = await tx.findOneBy(Cancellation, { effectKey: key });
      if (done) return done.shipments.length;
      const standing = await tx.find(Shipment, {
        where: { sagaId, step, cancelledAt: IsNull() },
        lock: { mode: 'pessimistic_write' },
      });
      for (const { id } of standing)
        await tx.update(Shipment, { id }, { cancelledAt: () => 'clock_timestamp()' });
      const shipments = standing.map(({ id }) => id);
      await tx.insert(Cancellation, { effectKey: key, sagaId, step, shipments });
      return shipments.length;
    });
  }
}
