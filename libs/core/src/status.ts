import { isFinished, phaseOf } from './saga.js';
import type { Cause, Saga } from './saga.js';
import { resultsOf } from './evolve.js';
import { mayStand } from './advance.js';
import type { Phase, SagaState } from '@counterstep/protocol';
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
  /** What went wrong first, in words; null when nothing did. */
  readonly error: string | null;
  readonly cause: Cause | null;
  /** Percent of the work that is done, by the steps' weights. */
  readonly progress: number;
  /** Steps of an undone saga whose effect may still stand because they have no undo. */
  readonly notUndone: readonly string[];
  readonly attention: readonly { code: string; message: string; step?: string }[];
  readonly createdAt: string;
  readonly updatedAt: string;
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
    error: saga.cause?.message ?? null,
    cause: saga.cause ?? null,
    progress: progressOf(saga, workflow),
    notUndone: notUndone(saga, workflow),
    attention: saga.attention,
    createdAt: new Date(saga.createdAt).toISOString(),
    updatedAt: new Date(saga.updatedAt).toISOString(),
  };
}

function busySteps(saga: Saga): string[] {
  return Object.values(saga.steps)
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
