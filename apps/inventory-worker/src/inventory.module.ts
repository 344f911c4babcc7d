import { Module, type DynamicModule } from '@nestjs/common';
import { WorkerModule, type WorkerModuleOptions } from '@counterstep/worker';
import { InventoryHandlers, InventoryRules } from './inventory.handlers.js';

@Module({})
export class InventoryModule {
  static with(worker: WorkerModuleOptions, rules: InventoryRules): DynamicModule {
    return {
      module: InventoryModule,
      imports: [WorkerModule.forRoot(worker)],
      providers: [InventoryHandlers, { provide: InventoryRules, useValue: rules }],
    };
  }
}
