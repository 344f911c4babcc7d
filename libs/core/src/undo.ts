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
  return walkUndo(transition.workflow, treeOf(inside, path), (step) => isStepUndone(transition, step));
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

/**
 * Asks `isStepUndone` of the steps whose turn has come, in the order of the undo; true when all of the tree is undone.
 * It is asked again when one of them is, until that.
 */
export function walkUndo(
  workflow: Workflow,
  node: UndoNode,
  isStepUndone: (path: string) => boolean,
): boolean {
  if (node.children.size === 0) return node.path === '' || isStepUndone(node.path);
  const children = [...node.children.values()];
  const indexes = [...new Set(children.map((child) => child.index))].sort((a, b) => b - a);
  const atOnce = concurrencyOf(workflow, node);
  for (const index of indexes) {
    let open = 0;
    for (const child of children) {
      if (child.index !== index) continue;
      if (!walkUndo(workflow, child, isStepUndone)) open += 1;
      if (open >= atOnce) return false;
    }
    if (open > 0) return false;
  }
  return true;
}

function concurrencyOf(workflow: Workflow, { path, progress }: UndoNode): number {
  if (progress?.kind !== 'map') return Infinity;
  const member = workflow.member(path);
  return member.kind === 'map' ? member.concurrency : Infinity;
}

/** Sends the step's undo if one is owed; false while that is out. */
function isStepUndone(transition: Transition, path: string): boolean {
  const progress = transition.progress(path);
  if (!progress || progress.kind) return true;
  const { undo } = progress;
  if (undo && undo.status !== 'ended') return false;
  if (undo && needsAnother(undo)) {
    transition.send(path, 'undo', undo.run + 1, 1);
    return false;
  }
  if (undo || !needsUndo(transition.workflow.step(path), progress)) return true;
  transition.send(path, 'undo', 1, 1);
  return false;
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
