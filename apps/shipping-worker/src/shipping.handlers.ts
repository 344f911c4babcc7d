import { Injectable } from '@nestjs/common';
import { CompensationHandler, StepHandler, type StepContext, type Undo } from '@counterstep/worker';
import * as z from 'zod';
import { Carrier } from './carrier.js';

const order = z.looseObject({
  orderId: z.string().min(1),
  address: z.string().min(1).default('the usual place'),
});
const shipped = z.object({ shipmentId: z.string() });

/** Ships through a carrier, which no transaction of ours reaches: barrier mode `external`, and the effect key goes along. */
@Injectable()
export class ShippingHandlers {
  constructor(private readonly carrier: Carrier) {}

  @StepHandler('shipping.ship', { barrier: 'external', input: order, output: shipped })
  async ship(
    { orderId, address }: z.infer<typeof order>,
    { sagaId, step, effectKey, attempt, signal }: StepContext,
  ): Promise<z.infer<typeof shipped>> {
    const consignment = { sagaId, step, orderId, address };
    return { shipmentId: await this.carrier.ship(effectKey, consignment, attempt, signal) };
  }

  @CompensationHandler('shipping.cancel', { barrier: 'external', input: order, output: shipped })
  async cancel(
    _undo: Undo<z.infer<typeof order>, z.infer<typeof shipped>>,
    { sagaId, step, effectKey }: StepContext,
  ): Promise<{ cancelled: number }> {
    return { cancelled: await this.carrier.cancel(effectKey, sagaId, step) };
  }
}
