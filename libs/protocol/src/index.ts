export { findJsonProblem, parseJson, storableText } from './json.js';
export type { JsonObject, JsonProblem, JsonValue, ParsedJson } from './json.js';
export { carefully } from './logger.js';
export type { Logger } from './logger.js';
export { NAME_PATTERN, directionSchema, effectKeyOf, sagaIdSchema } from './ids.js';
export type { Direction, EffectKey } from './ids.js';
export {
  COMMAND_TYPE,
  CONTENT_TYPE,
  DEAD_LETTER_TYPE,
  EVENT_TYPE,
  HEARTBEAT_TYPE,
  NOTICE_TYPE,
  REPLY_TYPE,
  START_TYPE,
  barrierModeSchema,
  businessKeyPolicySchema,
  businessKeySchema,
  commandSchema,
  deadLetterSchema,
  errorFactsSchema,
  heartbeatSchema,
  noticeReasonSchema,
  noticeSchema,
  outcomeSchema,
  phaseSchema,
  replyDataSchema,
  replySchema,
  sagaEventSchema,
  sagaStateSchema,
  startMessageSchema,
  undoInputSchema,
  workerMessageSchema,
} from './messages.js';
export type {
  BarrierMode,
  BusinessKey,
  BusinessKeyPolicy,
  Command,
  DeadLetter,
  ErrorFacts,
  Heartbeat,
  Notice,
  NoticeReason,
  Outcome,
  Phase,
  Reply,
  ReplyData,
  SagaEvent,
  SagaState,
  StartMessage,
  UndoInput,
  WorkerMessage,
} from './messages.js';
export {
  PROGRESS_LIMITS,
  PROGRESS_TYPE,
  categoryMetricsSchema,
  categoryProgressSchema,
  logLineSchema,
  progressMessageSchema,
} from './progress.js';
export type { ProgressMessage } from './progress.js';
export { MAX_MESSAGE_BYTES, queueOf, topicsOf } from './topics.js';
export type { Topics } from './topics.js';
export { decodeMessage, encodeMessage, headersOf } from './decode.js';
export type { Decoded } from './decode.js';
export {
  API_PREFIX,
  interventionRequestSchema,
  reasonRequestSchema,
  signalRequestSchema,
  terminateRequestSchema,
  verbSchema,
  historySchema,
  idempotencyKeySchema,
  problemSchema,
  sagaPageSchema,
  sagaQuerySchema,
  sagaSchema,
  sagaSummarySchema,
  scheduleListSchema,
  startRequestSchema,
  startedSchema,
  workflowBodySchema,
  workflowListSchema,
} from './api.js';
export type {
  InterventionRequest,
  ReasonRequest,
  SignalRequest,
  TerminateRequest,
  HistoryBody,
  ProblemBody,
  SagaBody,
  SagaListQuery,
  SagaPage,
  SagaSummary,
  ScheduleList,
  StartRequest,
  Started,
  WorkflowList,
} from './api.js';
export { explanationSchema, undoPreviewSchema } from './explanation.js';
export type { ExplanationBody, UndoPreviewBody } from './explanation.js';
export {
  endUpdateSchema,
  progressUpdateSchema,
  sagaUpdateSchema,
  stateUpdateSchema,
} from './saga-updates.js';
export type { SagaUpdateBody } from './saga-updates.js';
