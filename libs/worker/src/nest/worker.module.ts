import { Module, type DynamicModule, type InjectionToken, type ModuleMetadata } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HandlerExplorer } from './handler-explorer.js';
import { WORKER_OPTIONS, WorkerServer, type WorkerModuleOptions } from './worker-server.js';

export interface WorkerModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: InjectionToken[];
  useFactory(...args: never[]): WorkerModuleOptions | Promise<WorkerModuleOptions>;
}

/** Provides `WorkerServer`, which `workerTransport()` makes the transport of the application. */
@Module({})
export class WorkerModule {
  static forRoot(options: WorkerModuleOptions): DynamicModule {
    return WorkerModule.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: WorkerModuleAsyncOptions): DynamicModule {
    return {
      module: WorkerModule,
      imports: [DiscoveryModule, ...imports],
      providers: [{ provide: WORKER_OPTIONS, inject, useFactory }, HandlerExplorer, WorkerServer],
      exports: [WorkerServer],
    };
  }
}
