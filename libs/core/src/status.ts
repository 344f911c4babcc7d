import { inOrder, isFinished, phaseOf } from './saga.js';
import type { AttentionItem, Attempts, Cause, Saga, StepProgress } from './saga.js';
import { resultsOf } from './evolve.js';
import { mayStand } from './advance.js';
import type { ErrorFacts, Outcome, Phase, SagaState } from '@counterstep/protocol';
import type { Workflow } from './workflow.js';

/** A saga as its users see it. Times are ISO 8601. */
export interface SagaStatus {
  readonly sagaId: string;
  readonly workflow: string;
  readonly workflowVersion: number;
  readonly state: SagaState;
  readonly phase: Phase;
  /** The step that runs (or is undone) now; null when nothing runs. Of a group, the first member still running. */
  readonly currentStep: string | null;
  readonly currentSteps: readonly string[];
  /** Results of the steps that succeeded, by step. */
  readonly stepResults: Readonly<Record<string, unknown>>;
  /** The steps whose turn has come, in that order. */
  readonly steps: readonly StepStatus[];
  /** What went wrong first, in words; null when nothing did. */
  readonly error: string | null;
  readonly cause: Cause | null;
  /** Percent of the work that is done, by the steps' weights. */
  readonly progress: number;
  /** Steps of an undone saga whose effect may still stand because they have no undo. */
  readonly notUndone: readonly string[];
  readonly attention: readonly AttentionItem[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface StepStatus {
  readonly name: string;
  /** Steps with the same number belong to one parallel group. */
  readonly stage: number;
  /** Its condition was false, so it was passed over. */
  readonly skipped: boolean;
  readonly forward: AttemptsStatus | null;
  readonly undo: AttemptsStatus | null;
}

/** A series of attempts in one direction. Times are ISO 8601. */
export interface AttemptsStatus {
  readonly run: number;
  /** How often its command was sent. */
  readonly attempts: number;
  /** `running`: a command is out; `waiting`: the next one is sent at `dueAt`; `stuck`: only a person can move it. */
  readonly status: Attempts['status'];
  /** The last word; null when there is none yet. */
  readonly outcome: Outcome | null;
  readonly error: ErrorFacts | null;
  readonly startedAt: string;
  /** While running, when the attempt is given up; while waiting, when the next is sent; else null. */
  readonly dueAt: string | null;
}

/** `workflow` may be absent when this process lacks the definition: then progress counts the entered steps alike. */
export function statusOf(saga: Saga, workflow: Workflow | undefined): SagaStatus {
  const currentSteps = busySteps(saga);
  return {
    sagaId: saga.sagaId,
    workflow: saga.workflow.name,
    workflowVersion: saga.workflow.version,
    state: saga.state,
    phase: phaseOf(saga),
    currentStep: currentSteps[0] ?? null,
    currentSteps,
    stepResults: resultsOf(saga),
    steps: inOrder(saga).map(stepStatus),
    error: saga.cause?.message ?? null,
    cause: saga.cause ?? null,
    progress: progressOf(saga, workflow),
    notUndone: notUndone(saga, workflow),
    attention: saga.attention,
    createdAt: isoTime(saga.createdAt),
    updatedAt: isoTime(saga.updatedAt),
  };
}

function stepStatus({ path, stage, taken, forward, undo }: StepProgress): StepStatus {
  return {
    name: path,
    stage,
    skipped: !taken,
    forward: forward ? attemptsStatus(forward) : null,
    undo: undo ? attemptsStatus(undo) : null,
  };
}

function attemptsStatus({
  run,
  attempt,
  status,
  outcome,
  error,
  firstSentAt,
  dueAt,
}: Attempts): AttemptsStatus {
  return {
    run,
    attempts: attempt,
    status,
    outcome: outcome ?? null,
    error: error ?? null,
    startedAt: isoTime(firstSentAt),
    dueAt: dueAt === undefined ? null : isoTime(dueAt),
  };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function busySteps(saga: Saga): string[] {
  return inOrder(saga)
    .filter((step) => {
      const attempts = saga.direction === 'undo' ? (step.undo ?? step.forward) : step.forward;
      return attempts !== undefined && attempts.status !== 'ended';
    })
    .map((step) => step.path);
}

function progressOf(saga: Saga, workflow: Workflow | undefined): number {
  if (saga.state === 'completed') return 100;
  const weights = workflow
    ? workflow.allSteps().map((step) => ({ path: step.name, weight: step.progressWeight }))
    : Object.keys(saga.steps).map((path) => ({ path, weight: 1 }));
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  const even = total === 0;
  let done = 0;
  for (const { path, weight } of weights) {
    const step = saga.steps[path];
    if (step && (!step.taken || step.forward?.outcome === 'succeeded')) done += even ? 1 : weight;
  }
  return Math.min(100, Math.floor((100 * done) / (even ? Math.max(1, weights.length) : total)));
}

/** Steps whose effect may stand although the saga turned: there is no undo for them. */
function notUndone(saga: Saga, workflow: Workflow | undefined): string[] {
  if (saga.direction === 'forward' || !workflow || !isFinished(saga)) return [];
  return workflow
    .allSteps()
    .filter((step) => step.compensation === undefined && !step.readOnly && mayStand(saga.steps[step.name]))
    .map((step) => step.name);
}
