import type { Outcome } from '@counterstep/protocol';
import { pivotCourse } from './course.js';
import { inSequence, listed } from './words.js';
import { isFinished } from './saga.js';
import type { Saga, StepProgress } from './saga.js';
import { standingEffects } from './standing.js';
import { mayStand, needsAnother, treeOf, under, walkUndo } from './undo.js';
import type { UndoCourse } from './undo.js';
import type { Workflow } from './workflow.js';

/** What would be undone if the saga failed now, or was cancelled. Times are ISO 8601. */
export interface UndoPreview {
  /**
   * `wouldUndo`: a failure turns it. `undoing`: it is being undone, and this is what is left of it. `pivotDecides`: the
   * answer of the pivot is out; only if that is a rejection, the stages below are undone. `pastPivot`: it cannot turn any
   * more; undone is at most what it goes on without. `ended`: nothing changes any more.
   */
  readonly verdict: 'wouldUndo' | 'undoing' | 'pivotDecides' | 'pastPivot' | 'ended';
  /** The verdict in one sentence. */
  readonly text: string;
  /** A failure is put to a person first (failure mode `hold`). */
  readonly asksFirst: boolean;
  /**
   * In the order of the undo. The members of one stage begin when those of the stage before are undone; of branches that
   * are independent the faster may be ahead of its stage. What is in flight counts as if its effect stood.
   */
  readonly stages: readonly (readonly PlannedUndo[])[];
  /** Effects that may stand, and that no undo removes. */
  readonly notUndone: readonly { readonly step: string; readonly code: NotUndone; readonly text: string }[];
  /** What is out, and is waited for before the undo begins. */
  readonly awaited: readonly {
    readonly step: string;
    readonly worker: string;
    readonly until: string | null;
  }[];
}

export interface PlannedUndo {
  readonly step: string;
  readonly compensation: string;
  /** How the step ended, or its last attempt; null while its first is in flight. */
  readonly outcome: Outcome | null;
  /** `stuck`: it waits for a person, and what is to be undone after it waits too. */
  readonly status: 'planned' | 'running' | 'waiting' | 'stuck';
}

export type NotUndone = 'NO_COMPENSATION' | 'GIVEN_UP' | 'PAST_PIVOT' | 'ENDED';

const WHY: Readonly<Record<NotUndone, string>> = {
  NO_COMPENSATION: 'no compensation is named for it',
  GIVEN_UP: 'a person left its effect standing',
  PAST_PIVOT: 'it was done for good when the pivot succeeded',
  ENDED: 'the saga has ended',
};

/** Goes by the same walk as the undo itself. Only what was entered counts: what is still to come leaves nothing to undo. */
export function undoPreview(saga: Saga, workflow: Workflow): UndoPreview {
  const verdict = verdictOf(saga, workflow);
  const roots = rootsOf(saga, verdict);
  const stages = stagesUnder(saga, workflow, roots);
  const awaited = roots
    .flatMap((root) => under(saga, root))
    .filter((step) => step.forward?.status === 'running')
    .map(({ path, forward }) => ({
      step: path,
      worker: workflow.step(path).worker,
      until: forward?.dueAt === undefined ? null : new Date(forward.dueAt).toISOString(),
    }));
  const notUndone = standing(saga, workflow, verdict, new Set(stages.flat().map(({ step }) => step)));
  return {
    verdict,
    text: textOf(verdict, workflow, stages),
    asksFirst: verdict === 'wouldUndo' && saga.failureMode === 'hold',
    stages,
    notUndone: notUndone.map(([step, code]) => ({ step, code, text: `${step} stays: ${WHY[code]}` })),
    awaited,
  };
}

function verdictOf(saga: Saga, workflow: Workflow): UndoPreview['verdict'] {
  if (isFinished(saga)) return 'ended';
  if (saga.direction === 'undo') return 'undoing';
  const pivot = pivotCourse(saga, workflow);
  if (pivot === 'past') return 'pastPivot';
  return pivot === 'out' ? 'pivotDecides' : 'wouldUndo';
}

/** Past the pivot only what the saga goes on without is undone. */
function rootsOf(saga: Saga, verdict: UndoPreview['verdict']): string[] {
  if (verdict === 'ended') return [];
  if (verdict !== 'pastPivot') return [''];
  return Object.values(saga.steps).flatMap(({ path, lost }) => (lost === 'undo' ? [path] : []));
}

/** Stage by stage: the undos whose turn it is, until there are none. */
function stagesUnder(saga: Saga, workflow: Workflow, roots: readonly string[]): PlannedUndo[][] {
  const trees = roots.map((root) => treeOf(under(saga, root), root));
  const done = new Map<string, number>();
  const stages: PlannedUndo[][] = [];
  for (;;) {
    const stage = new Map<string, PlannedUndo>();
    // What is out already may have begun when more was allowed at once: each part that was lost is undone by itself.
    if (stages.length === 0)
      for (const step of outUnder(saga, roots)) stage.set(step.path, plannedUndo(step, workflow, false));
    const courseOf = (path: string): UndoCourse => {
      const progress = saga.steps[path];
      if (!progress || undosLeft(progress, workflow) <= (done.get(path) ?? 0)) return 'undone';
      const planned = plannedUndo(progress, workflow, done.has(path));
      stage.set(path, planned);
      return planned.status === 'stuck' ? 'stuck' : 'busy';
    };
    for (const tree of trees) walkUndo(workflow, tree, courseOf);
    if (stage.size === 0) return stages;
    for (const path of stage.keys()) done.set(path, (done.get(path) ?? 0) + 1);
    stages.push([...stage.values()]);
  }
}

function outUnder(saga: Saga, roots: readonly string[]): StepProgress[] {
  return roots.flatMap((root) => under(saga, root)).filter(({ undo }) => undo && undo.status !== 'ended');
}

/** How many undos of the step are still to end. */
function undosLeft(progress: StepProgress, workflow: Workflow): number {
  if (progress.kind) return 0;
  const { undo } = progress;
  if (undo && undo.status !== 'ended') return undo.again === 'always' ? 2 : 1;
  if (undo) return needsAnother(undo) ? 1 : 0;
  return workflow.step(progress.path).compensation !== undefined && isOwed(progress) ? 1 : 0;
}

/** As if all that is planned had been given up, and the effect of what is out stood. */
function isOwed(progress: StepProgress): boolean {
  const { forward, skipped } = progress;
  if (!forward || skipped) return false;
  return forward.status === 'running' || mayStand({ ...progress, forward: { ...forward, status: 'ended' } });
}

function plannedUndo({ path, forward, undo }: StepProgress, workflow: Workflow, again: boolean): PlannedUndo {
  const isOut = undo && undo.status !== 'ended' && !again;
  return {
    step: path,
    compensation: workflow.step(path).compensation ?? path,
    outcome: forward?.outcome ?? null,
    status: isOut ? undo.status : 'planned',
  };
}

function standing(
  saga: Saga,
  workflow: Workflow,
  verdict: UndoPreview['verdict'],
  planned: ReadonlySet<string>,
): [string, NotUndone][] {
  if (saga.state === 'completed') return [];
  return standingEffects(saga, workflow)
    .filter((path) => !planned.has(path))
    .map((path) => [path, whyNot(saga, workflow, verdict, path)]);
}

function whyNot(saga: Saga, workflow: Workflow, verdict: UndoPreview['verdict'], path: string): NotUndone {
  if (saga.steps[path]?.undo) return 'GIVEN_UP';
  if (verdict === 'pastPivot') return 'PAST_PIVOT';
  return workflow.step(path).compensation === undefined ? 'NO_COMPENSATION' : 'ENDED';
}

function textOf(
  verdict: UndoPreview['verdict'],
  { pivot }: Workflow,
  stages: readonly PlannedUndo[][],
): string {
  const order = inSequence(stages.map((stage) => listed(stage.map(({ step }) => step))));
  const name = pivot ?? 'the pivot';
  switch (verdict) {
    case 'wouldUndo':
      return order === '' ? 'a failure now would undo nothing' : `a failure now would undo ${order}`;
    case 'undoing':
      return order === '' ? 'nothing is left to undo' : `left to undo: ${order}`;
    case 'pivotDecides':
      return order === ''
        ? `the answer of ${name} decides; if it is rejected, nothing is undone`
        : `the answer of ${name} decides; if it is rejected, the undo is of ${order}`;
    case 'pastPivot':
      return order === ''
        ? `nothing would be undone: ${name} is done, so the saga can only be finished`
        : `${name} is done, so the saga can only be finished; it goes on without, and undoes ${order}`;
    case 'ended':
      return 'nothing would be undone: the saga has ended';
  }
}
