export { WorkflowBuilder } from './workflow-builder.js';
export type { BuildOptions, ParallelMember, WorkflowOptions } from './workflow-builder.js';
export type { StepOptions } from './steps.js';
export { Workflow, stepsIn } from './workflow.js';
export type {
  Condition,
  InputMapper,
  ParallelGroup,
  Step,
  StepDescription,
  WorkflowDescription,
  WorkflowItem,
  WorkflowRef,
} from './workflow.js';
export { workflowFromJson } from './workflow-from-json.js';
export type { WorkflowFunctions } from './workflow-from-json.js';
export { contextOf } from './context.js';
export type { WorkflowContext } from './context.js';
export { FORWARD_RETRY, UNDO_RETRY, retryDelay } from './retry.js';
export type { RetryPolicy } from './retry.js';
export { CounterstepError, StateStoreError, ValidationError, WorkflowExecutionError } from './errors.js';
export type { Problem } from './errors.js';
export { canonicalJson } from './digest.js';
export { decide } from './decide.js';
export { effectsOf } from './effects.js';
export type { CommandEffect, Decision, Effects, Moment, ReplyEvent, SagaEvent } from './events.js';
export { evolve, fold } from './evolve.js';
export { dueAt, isFinished, isHeld, isLive, openAttempts, phaseOf } from './saga.js';
export type { AttentionItem, Attempts, Cause, Fact, HistoryRecord, Saga, StepProgress } from './saga.js';
export { statusOf } from './status.js';
export type { AttemptsStatus, SagaStatus, StepStatus } from './status.js';
export { rowOf } from './row.js';
export type { SagaRow } from './row.js';
