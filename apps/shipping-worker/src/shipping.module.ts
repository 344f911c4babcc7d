import { Module, type DynamicModule } from '@nestjs/common';
import { WorkerModule, type WorkerModuleOptions } from '@counterstep/worker';
import type { DataSource } from 'typeorm';
import { Carrier, type ShippingRules } from './carrier.js';
import { ShippingHandlers } from './shipping.handlers.js';

@Module({})
export class ShippingModule {
  static with(worker: WorkerModuleOptions & { database: DataSource }, rules: ShippingRules): DynamicModule {
    return {
      module: ShippingModule,
      imports: [WorkerModule.forRoot(worker)],
      providers: [ShippingHandlers, { provide: Carrier, useValue: new Carrier(worker.database, rules) }],
    };
  }
}
