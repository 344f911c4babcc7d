export { WorkflowBuilder } from './workflow-builder.js';
export type { BuildOptions, WorkflowOptions } from './workflow-builder.js';
export type {
  Approved,
  ChildOutput,
  ChildResult,
  ItemContext,
  MayBe,
  MemberPatches,
  MemberResults,
  OutputOf,
  ReducersOf,
  SignalData,
  Written,
} from './result-types.js';
export type { ConditionOf, StepOptions } from './steps.js';
export type { SubWorkflowOptions } from './sub-workflows.js';
export type { MapOptions, StepMapOptions, WorkflowMapOptions } from './maps.js';
export type { SignalOptions, SleepOptions } from './waits.js';
export type {
  MapMember,
  ParallelMember,
  ParallelOptions,
  SignalMember,
  SleepMember,
  StepMember,
  WorkflowMember,
} from './groups.js';
export { proofOf } from './proof.js';
export { REFUSALS, WARNINGS } from './problems.js';
export type { DefinitionCode } from './problems.js';
export { Workflow } from './workflow.js';
export { membersOf, pathIn, placesOf, scopeOf } from './tree.js';
export type {
  Condition,
  FailureMode,
  InputMapper,
  ItemDescription,
  Join,
  MapItem,
  Member,
  ParallelGroup,
  Reducer,
  SignalWait,
  Sleep,
  Step,
  SubWorkflow,
  WorkflowDescription,
  WorkflowItem,
  WorkflowRef,
  WorkflowSettings,
} from './workflow.js';
export { workflowFromJson } from './workflow-from-json.js';
export type { WorkflowFunctions } from './workflow-from-json.js';
export { contextOf } from './context.js';
export type { WorkflowContext } from './context.js';
export { FORWARD_RETRY, UNDO_RETRY, retryDelay } from './retry.js';
export type { RetryPolicy } from './retry.js';
export { CounterstepError, StateStoreError, ValidationError, WorkflowExecutionError } from './errors.js';
export type { Problem } from './errors.js';
export { answerOf, outputInvalid, partsOf, undoDataText } from './answer.js';
export type { HandlerAnswer, HandlerEnd } from './answer.js';
export { CLAIMED, admit, admitUndo, forwardKeyOf, orderOf, settle } from './barrier-rules.js';
export type { Admission, Answer, BarrierOrder, BarrierRow, RowState } from './barrier-rules.js';
export { enterBarrier, enterRows, leaveBarrier, leaveRow } from './barrier-rows.js';
export type { BarrierRows, Entered } from './barrier-rows.js';
export { carefulSink, factsOfCommand } from './careful-sink.js';
export { withUndoData } from './handler-context.js';
export type { HandlerContext, ProgressSink, Undo, WithUndoData } from './handler-context.js';
export {
  EffectCancelled,
  HeartbeatTooLarge,
  NonRetryable,
  StepRejected,
  UndoDataInvalid,
  deadlinePassed,
  factsOf,
} from './handler-errors.js';
export { heartbeatTo, replyTo, replyTooLarge } from './reply.js';
export type { Addressee } from './reply.js';
export { checkWorkflow, isWorkflow } from './is-workflow.js';
export { contextInside } from './scope.js';
export { canonicalJson } from './digest.js';
export { decide } from './decide.js';
export { appended } from './appended.js';
export type { Writable } from './draft.js';
export { effectsOf } from './effects.js';
export type {
  AttemptName,
  CommandEffect,
  DeadlineEvent,
  Decision,
  Effects,
  HeartbeatEvent,
  InterveneEvent,
  Moment,
  NoticeEffect,
  ReplyEvent,
  SagaEvent,
} from './events.js';
export { evolve, fold } from './evolve.js';
export {
  dueAt,
  inOrder,
  isFinished,
  isHeld,
  isLive,
  movesAt,
  openAttempts,
  openWaits,
  phaseOf,
} from './saga.js';
export type {
  AttentionItem,
  Attempts,
  HistoryRecord,
  KeptSignal,
  Saga,
  Stage,
  StepProgress,
} from './saga.js';
export type { Asked, Cause, Fact, Verb } from './facts.js';
export { interventionsOf } from './operator.js';
export type { Intervention } from './operator.js';
export { standingEffects } from './standing.js';
export { waitsOf } from './signals.js';
export { progressOf } from './progress.js';
export { NOTHING_TOLD, partOf } from './told.js';
export type { CategoryMetrics, CategoryProgress, LogLine, Told, ToldStep } from './told.js';
export { busySteps, statusOf, stepStatusOf } from './status.js';
export type { AttemptsStatus, SagaStatus, StepStatus } from './status.js';
export { rowOf } from './row.js';
export type { PositionEntry, SagaRow } from './row.js';
export { explain } from './explain.js';
export type { Explanation, Reason } from './explain.js';
export type { AttemptReason } from './explain-attempts.js';
export { undoPreview } from './preview.js';
export type { NotUndone, PlannedUndo, UndoPreview } from './preview.js';
export { DIRECTION_OF_AIM, FINAL_STATES, STATE_CHANGES, STATE_COLOURS } from './transitions.js';
export type { StateChange } from './transitions.js';
export { stateChart } from './state-chart.js';
export { mermaidOf } from './diagram.js';
