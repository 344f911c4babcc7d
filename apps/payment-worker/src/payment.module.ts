import { Module, type DynamicModule } from '@nestjs/common';
import { WorkerModule, type WorkerModuleOptions } from '@counterstep/worker';
import { PaymentHandlers, PaymentRules } from './payment.handlers.js';

@Module({})
export class PaymentModule {
  static with(worker: WorkerModuleOptions, rules: PaymentRules): DynamicModule {
    return {
      module: PaymentModule,
      imports: [WorkerModule.forRoot(worker)],
      providers: [PaymentHandlers, { provide: PaymentRules, useValue: rules }],
    };
  }
}
