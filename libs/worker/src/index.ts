export { BarrierUnavailable } from './barrier/barrier.js';
export type { Answer, Barrier, BarrierEntry, BarrierOrder, Effect, EffectResult } from './barrier/barrier.js';
export { admit, admitUndo, forwardKeyOf, settle } from './barrier/rules.js';
export type { Admission, BarrierRow, RowState } from './barrier/rules.js';
export { enterBarrier, leaveBarrier } from './barrier/rows.js';
export type { BarrierRows } from './barrier/rows.js';
export { MemoryBarrier, MemoryTransaction } from './barrier/memory-barrier.js';
export { PostgresBarrier } from './barrier/postgres-barrier.js';
export type { PostgresBarrierOptions } from './barrier/postgres-barrier.js';
export { barrierTableSql, ensureBarrierTable, purgeBarrier } from './barrier/table.js';
export type { BarrierTableOptions } from './barrier/table.js';
export type { WorkerDatabase } from './barrier/database.js';
export { NoBarrier } from './barrier/no-barrier.js';
export {
  EffectCancelled,
  HeartbeatTooLarge,
  NonRetryable,
  StepRejected,
  UndoDataInvalid,
  WorkerConfigError,
} from './errors.js';
export { compensationHandler, stepHandler, withUndoData } from './handlers.js';
export type {
  CompensationHandlerOptions,
  Handler,
  HandlerOptions,
  StepHandlerOptions,
  Undo,
  WithUndoData,
} from './handlers.js';
export type { ProgressSink, StepContext } from './context.js';
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
