import { inOrder, isFinished, phaseOf } from './saga.js';
import type { Attempts, Cause, Saga, Stage, StepProgress } from './saga.js';
import { interventionsOf } from './operator.js';
import type { Intervention } from './operator.js';
import { progressOf } from './progress.js';
import { resultsOf } from './scope.js';
import { standingEffects } from './standing.js';
import { NOTHING_TOLD } from './told.js';
import type { CategoryMetrics, CategoryProgress, LogLine, Told } from './told.js';
import type { Direction, ErrorFacts, Outcome, Phase, SagaState } from '@counterstep/protocol';
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
  /** Percent of the work that is done, by the steps' weights; a step that runs counts by what its handler told. */
  readonly progress: number;
  /** The last lines that its handlers logged, as far as they reached this process. */
  readonly logs: readonly LogLine[];
  /** Lines and figures that its handlers told and that were not kept. */
  readonly logsDropped: number;
  /** Steps of a saga that ended otherwise than `completed` whose effect may still stand. */
  readonly notUndone: readonly string[];
  /** What a person must look at, and may do. */
  readonly attention: readonly Intervention[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface StepStatus {
  /** Its path: names, with `/` between them. */
  readonly name: string;
  readonly kind: 'step' | 'workflow' | 'map' | 'signal' | 'sleep';
  /** Where it stands in the definition, by level; members of one parallel group share it. */
  readonly stage: Stage;
  /** Its condition was false, or a person passed it over. */
  readonly skipped: boolean;
  /** The saga went on without it. */
  readonly lost: boolean;
  /** How what has no worker ended; null before, and for steps that have one. */
  readonly outcome: 'succeeded' | 'rejected' | null;
  /** Until when a signal is waited for, or a sleep goes on; ISO 8601. */
  readonly until: string | null;
  readonly forward: AttemptsStatus | null;
  readonly undo: AttemptsStatus | null;
  /** How far its handler is, by category: of the undo once that told something, else of the action. */
  readonly progress: readonly CategoryProgress[];
  readonly metrics: readonly CategoryMetrics[];
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
export function statusOf(saga: Saga, workflow: Workflow | undefined, told: Told = NOTHING_TOLD): SagaStatus {
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
    steps: inOrder(saga).map((step) => stepStatusOf(step, told)),
    error: saga.cause?.message ?? null,
    cause: saga.cause ?? null,
    progress: progressOf(saga, workflow, told.parts),
    logs: told.logs,
    logsDropped: told.dropped,
    notUndone:
      isFinished(saga) && saga.state !== 'completed' && workflow ? standingEffects(saga, workflow) : [],
    attention: interventionsOf(saga, workflow),
    createdAt: isoTime(saga.createdAt),
    updatedAt: isoTime(saga.updatedAt),
  };
}

export function stepStatusOf(step: StepProgress, told: Told = NOTHING_TOLD): StepStatus {
  const { progress = [], metrics = [] } = wordsOf(step, told) ?? {};
  return {
    name: step.path,
    kind: step.kind ?? 'step',
    stage: step.stage,
    skipped: !step.taken || step.skipped === true,
    lost: step.lost !== undefined,
    outcome: step.outcome ?? null,
    until: step.until === undefined ? null : isoTime(step.until),
    forward: step.forward ? attemptsStatus(step.forward) : null,
    undo: step.undo ? attemptsStatus(step.undo) : null,
    progress,
    metrics,
  };
}

/** What a former run told is no news of this one. */
function wordsOf({ path, forward, undo }: StepProgress, { steps }: Told): Told['steps'][number] | undefined {
  if (steps.length === 0) return undefined;
  const of = (direction: Direction, attempts: Attempts | undefined) =>
    steps.find((each) => each.step === path && each.direction === direction && each.run === attempts?.run);
  return of('undo', undo) ?? of('forward', forward);
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

/** What runs, is undone or waited for now. */
export function busySteps(saga: Saga): string[] {
  if (isFinished(saga)) return [];
  return inOrder(saga)
    .filter((step) => {
      const attempts = step.undo ?? step.forward;
      return (attempts && attempts.status !== 'ended') || step.until !== undefined;
    })
    .map((step) => step.path);
}
