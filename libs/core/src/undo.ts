import type { Saga, StepProgress } from './saga.js';
import type { Transition } from './transition.js';
import type { Step, Workflow } from './workflow.js';

/**
 * Undo goes by what happened: the reverse of the dependency order of the steps that were entered, which their paths and
 * stages tell. An effect is undone only after every effect that came to depend on it; what is independent is undone at
 * the same time.
 */
export function undoAll(transition: Transition): boolean {
  return settle(transition, '', true);
}

/**
 * Ends what lies under `path` and, if asked, undoes it: what is planned is not done, what is out is waited for. True when
 * nothing of it is out or open any more.
 */
export function settle(transition: Transition, path: string, undo: boolean): boolean {
  stop(transition, path);
  const inside = under(transition.saga, path);
  if (inside.some((step) => step.forward?.status === 'running')) return false;
  if (!undo) return true;
  if (!hasRoom(transition, path)) return false;
  const tree = treeOf(inside, path);
  return walkUndo(transition.workflow, tree, (step) => courseOfUndo(transition, step)) === 'undone';
}

/** Whether the undo has begun in that item of each map that it lies in, or the map allows another item at once. */
function hasRoom({ saga, workflow }: Transition, path: string): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const map = saga.steps[path.slice(0, end)];
    if (map?.kind !== 'map') continue;
    const own = path.slice(0, `${path}/`.indexOf('/', end + 1));
    const busy = [...treeOf(under(saga, map.path), map.path).children.values()].filter(isBusy);
    const hasBegun = busy.some((item) => item.path === own);
    if (!hasBegun && busy.length >= concurrencyOf(workflow, map)) return false;
  }
  return true;
}

/** What is planned forward is not done: the last word of each step stands. */
export function stop(transition: Transition, path: string): void {
  const { stalls = [] } = transition.saga;
  for (const { step } of stalls.filter((stall) => isUnder(stall.step, path)))
    transition.add({ type: 'gaveUp', step, direction: 'forward' });
  for (const step of under(transition.saga, path)) {
    const status = step.forward?.status;
    const isOpen = status === 'waiting' || status === 'stuck' || step.until !== undefined;
    const asks = transition.saga.attention.some(
      (item) => item.step === step.path && item.direction === 'forward',
    );
    if (isOpen || asks) transition.add({ type: 'gaveUp', step: step.path, direction: 'forward' });
  }
}

export function under(saga: Saga, path: string): StepProgress[] {
  return Object.values(saga.steps).filter((step) => isUnder(step.path, path));
}

function isUnder(path: string, above: string): boolean {
  return above === '' || path === above || path.startsWith(`${above}/`);
}

/** Steps as a tree of paths. */
export interface UndoNode {
  readonly path: string;
  /** Its place in the sequence that it belongs to. */
  index: number;
  progress?: StepProgress;
  readonly children: Map<string, UndoNode>;
}

/** The steps as a tree of paths, `top` being the root. */
export function treeOf(steps: readonly StepProgress[], top: string): UndoNode {
  const root: UndoNode = { path: top, index: 0, children: new Map() };
  const start = top === '' ? [] : top.split('/');
  for (const step of steps) {
    let node = root;
    const segments = step.path.split('/');
    for (let level = start.length; level < segments.length; level += 1) {
      const segment = segments[level] as string;
      let child = node.children.get(segment);
      if (!child) {
        const path = segments.slice(0, level + 1).join('/');
        child = { path, index: step.stage[level] ?? 0, children: new Map() };
        node.children.set(segment, child);
      }
      node = child;
    }
    node.progress = step;
  }
  return root;
}

/** How far the undo of something is; `stuck`: all of it that is left waits for a person. */
export type UndoCourse = 'undone' | 'busy' | 'stuck';

/**
 * Asks `courseOf` of the steps whose turn has come, in the order of the undo, and tells how far all of the tree is. It is
 * asked again when one of them is undone, until that.
 */
export function walkUndo(
  workflow: Workflow,
  node: UndoNode,
  courseOf: (path: string) => UndoCourse,
): UndoCourse {
  if (node.children.size === 0) return node.path === '' ? 'undone' : courseOf(node.path);
  const atOnce = concurrencyOf(workflow, node.progress);
  const children = atOnce === Infinity ? [...node.children.values()] : underWayFirst(node);
  const indexes = [...new Set(children.map((child) => child.index))].sort((a, b) => b - a);
  for (const index of indexes) {
    let [busy, stuck] = [0, 0];
    for (const child of children) {
      if (child.index !== index) continue;
      if (busy >= atOnce && !isBusy(child)) return 'busy';
      const course = walkUndo(workflow, child, courseOf);
      // What waits for a person comes first in the order of the undo; beside it something may be out already.
      if (course === 'busy' || (course === 'stuck' && isBusy(child))) busy += 1;
      else if (course === 'stuck') stuck += 1;
    }
    if (busy > 0) return 'busy';
    if (stuck > 0) return 'stuck';
  }
  return 'undone';
}

/** So that nothing else takes the place of what has begun. */
function underWayFirst({ children }: UndoNode): UndoNode[] {
  const nodes = [...children.values()];
  return [...nodes.filter(isBusy), ...nodes.filter((node) => !isBusy(node))];
}

function isBusy({ progress, children }: UndoNode): boolean {
  const status = progress?.undo?.status;
  return status === 'running' || status === 'waiting' || [...children.values()].some(isBusy);
}

function concurrencyOf(workflow: Workflow, progress: StepProgress | undefined): number {
  if (progress?.kind !== 'map') return Infinity;
  const member = workflow.member(progress.path);
  return member.kind === 'map' ? member.concurrency : Infinity;
}

/** Sends the step's undo if one is owed. */
function courseOfUndo(transition: Transition, path: string): UndoCourse {
  const progress = transition.progress(path);
  if (!progress || progress.kind) return 'undone';
  const { undo } = progress;
  if (undo && undo.status !== 'ended') return undo.status === 'stuck' ? 'stuck' : 'busy';
  if (undo && !needsAnother(undo)) return 'undone';
  if (!undo && !needsUndo(transition.workflow.step(path), progress)) return 'undone';
  transition.send(path, 'undo', (undo?.run ?? 0) + 1, 1);
  return 'busy';
}

/** Whether the effect proved to stand after this undo, so that another follows it. */
export function needsAnother({ again, noop }: NonNullable<StepProgress['undo']>): boolean {
  return again === 'always' || (again === 'ifNoop' && noop === true);
}

/** Whether the step's effect may stand, and can be undone, and nobody began to. */
export function needsUndo(step: Step, progress: StepProgress | undefined): boolean {
  return step.compensation !== undefined && mayStand(progress) && progress?.undo === undefined;
}

/** Whether an effect of the step may stand: it succeeded, or nobody knows. One that is out counts once it has ended. */
export function mayStand(progress: StepProgress | undefined): boolean {
  if (!progress?.forward || progress.skipped) return false;
  const { status, outcome } = progress.forward;
  return status === 'ended' && outcome !== undefined && outcome !== 'rejected';
}
