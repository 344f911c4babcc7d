export { Orchestrator } from './orchestrator.js';
export type { OrchestratorOptions, ScheduleStatus } from './orchestrator-options.js';
export type { EndUpdate, ProgressUpdate, SagaUpdate, StateUpdate } from './saga-teller.js';
export type { WatchOptions } from './watchers.js';
export type { Schedule } from './schedules.js';
export type { StartOptions } from './requests.js';
export { systemClock } from './clock.js';
export type { Clock } from './clock.js';
export type { LivenessReport } from './liveness.js';
export { silentLogger } from './logger.js';
export type { Logger } from './logger.js';
export { StoreContentError } from './store.js';
export type {
  PinnedDefinition,
  Batch,
  Claim,
  CommitResult,
  DeadLane,
  KeyName,
  Lane,
  NewKey,
  NumberedRecord,
  ParkedInput,
  PinnedQuery,
  Position,
  PutOff,
  ReadyInputs,
  SagaContext,
  SagaQuery,
  Store,
  StoredParkedInput,
  StoredSaga,
  TakenKey,
  Vitals,
  Write,
} from './store.js';
export { MemoryStore } from './memory-store.js';
export type { MemoryStoreOptions } from './memory-store.js';
export { MemoryDatabase } from './memory-database.js';
export { checkBatch } from './check-batch.js';
export { ContextWriter, contextOfStored, listAllIds } from './saga-contexts.js';
export type { SignalOfCaller } from './asked.js';
export { runInProcess } from './in-process/run-in-process.js';
export type { InProcessOptions } from './in-process/options.js';
export { PersonNeededError } from './in-process/saga-handle.js';
export type { EndedSaga, RunningSaga, SagaHandle } from './in-process/saga-handle.js';
export type { InProcessContext, InProcessHandler, InProcessHandlers } from './in-process/handlers.js';
