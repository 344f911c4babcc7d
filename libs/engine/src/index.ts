export { StoreContentError } from './store.js';
export type {
  Batch,
  CommitResult,
  DeadLane,
  KeyName,
  Lane,
  NumberedRecord,
  ParkedInput,
  SagaContext,
  SagaQuery,
  Store,
  StoredParkedInput,
  StoredSaga,
  TakenKey,
  Write,
} from './store.js';
