export { BarrierUnavailable } from './barrier/barrier.js';
export type { Barrier, BarrierEntry, Effect, EffectResult } from './barrier/barrier.js';
// What handlers and barriers need and the other runtimes know too: users of the SDK find it here.
export {
  EffectCancelled,
  HeartbeatTooLarge,
  NonRetryable,
  StepRejected,
  UndoDataInvalid,
  admit,
  admitUndo,
  enterBarrier,
  forwardKeyOf,
  leaveBarrier,
  settle,
  withUndoData,
} from '@counterstep/core';
export type {
  Admission,
  Answer,
  BarrierOrder,
  BarrierRow,
  BarrierRows,
  HandlerContext,
  ProgressSink,
  RowState,
  Undo,
  WithUndoData,
} from '@counterstep/core';
export { MemoryBarrier, MemoryTransaction } from './barrier/memory-barrier.js';
export { PostgresBarrier } from './barrier/postgres-barrier.js';
export type { PostgresBarrierOptions } from './barrier/postgres-barrier.js';
export { barrierTableSql, ensureBarrierTable, purgeBarrier } from './barrier/table.js';
export type { BarrierTableOptions } from './barrier/table.js';
export type { WorkerDatabase } from './barrier/database.js';
export { NoBarrier } from './barrier/no-barrier.js';
export { WorkerConfigError } from './errors.js';
export { compensationHandler, stepHandler } from './handlers.js';
export type { CompensationHandlerOptions, Handler, HandlerOptions, StepHandlerOptions } from './handlers.js';
export type { StepContext } from './context.js';
export { pinoLogger } from './logger.js';
export type { WorkerLogger } from './logger.js';
export { openDataSource } from './barrier/open-data-source.js';
export type { OpenDataSourceOptions } from './barrier/open-data-source.js';
export { serveHealth } from './serve-health.js';
export { createWorker } from './create-worker.js';
export type { Worker, WorkerHealth, WorkerOptions } from './create-worker.js';
export { WorkerStopped } from './running.js';
export { CompensationHandler, StepHandler } from './nest/step-handler.decorator.js';
export { WorkerModule } from './nest/worker.module.js';
export type { WorkerModuleAsyncOptions } from './nest/worker.module.js';
export { WorkerServer, workerTransport } from './nest/worker-server.js';
export type { WorkerModuleOptions } from './nest/worker-server.js';
export { toWorkflow } from './steps/to-workflow.js';
export type { HostedSteps, ToWorkflowOptions } from './steps/to-workflow.js';
export type { HostContext, HostedRuntime } from './steps/runtime.js';
export type { HostedStepResult } from './steps/stored-result.js';
export type { PatchOperation } from './steps/json-patch.js';
