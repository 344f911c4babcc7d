import type { Saga } from './saga.js';
import { pathIn } from './tree.js';
import type { Member, ParallelGroup, Workflow, WorkflowItem } from './workflow.js';

/**
 * How far a part of the workflow is. `failed`: it cannot succeed any more, though some of it may still be out. What waits
 * for a person is `open`: a person can move it.
 */
export type Course = 'absent' | 'open' | 'done' | 'failed';

/** How far the items of a workflow are, one after another. */
export function courseOfSequence(saga: Saga, workflow: Workflow, scope: string): Course {
  for (const item of workflow.items) {
    const course = courseOfItem(saga, item, scope);
    if (course !== 'done') return course;
  }
  return 'done';
}

function courseOfItem(saga: Saga, item: WorkflowItem, scope: string): Course {
  if (item.kind === 'parallel') return courseOfGroup(saga, item, scope);
  return courseOfMember(saga, item, pathIn(scope, item.name));
}

export function courseOfMember(saga: Saga, member: Member, path: string): Course {
  const progress = saga.steps[path];
  if (!progress) return 'absent';
  // What the saga goes on without does not come back, whatever its worker says later.
  if (progress.lost) return 'failed';
  if (!progress.taken || progress.skipped) return 'done';
  if (saga.attention.length > 0 && asksFor(saga, path)) return 'open';
  if (member.kind === 'step') {
    const { forward } = progress;
    if (!forward || forward.status !== 'ended') return 'open';
    return forward.outcome === 'succeeded' ? 'done' : 'failed';
  }
  if (progress.outcome) return progress.outcome === 'succeeded' ? 'done' : 'failed';
  // What is done inside is not over before it is concluded.
  if (member.kind === 'workflow')
    return courseOfSequence(saga, member.workflow, path) === 'failed' ? 'failed' : 'open';
  if (member.kind === 'map') {
    const { failed, count } = countItems(saga, member, path);
    return failed > tolerated(member, count) ? 'failed' : 'open';
  }
  return 'open';
}

/** Whether a person is asked about what it did going forward. */
function asksFor(saga: Saga, path: string): boolean {
  return saga.attention.some(({ step, direction }) => step === path && direction !== 'undo');
}

export function courseOfGroup(saga: Saga, group: ParallelGroup, scope: string): Course {
  let [taken, done, failed] = [0, 0, 0];
  for (const member of group.members) {
    const path = pathIn(scope, member.name);
    if (saga.steps[path]?.taken === false) continue;
    taken += 1;
    const course = courseOfMember(saga, member, path);
    if (course === 'done') done += 1;
    if (course === 'failed') failed += 1;
  }
  if (group.join === 'settle') return done + failed === taken ? 'done' : 'open';
  const needed = Math.min(taken, neededBy(group));
  if (failed > taken - needed) return 'failed';
  return done >= needed ? 'done' : 'open';
}

function neededBy({ join, members }: ParallelGroup): number {
  if (typeof join === 'object') return join.quorum;
  return join === 'any' ? 1 : members.length;
}

type MapMember = Extract<Member, { kind: 'map' }>;

/** The items of a map, counted by how far they are. */
export function countItems(
  saga: Saga,
  map: MapMember,
  path: string,
): { count: number; begun: number; open: number; failed: number } {
  const count = saga.steps[path]?.items?.length ?? 0;
  let [begun, open, failed] = [0, 0, 0];
  // Items begin in their order.
  for (; begun < count; begun += 1) {
    const course = courseOfMember(saga, map.body, pathIn(path, begun));
    if (course === 'absent') break;
    if (course === 'open') open += 1;
    if (course === 'failed') failed += 1;
  }
  return { count, begun, open, failed };
}

/** How many of so many items may fail. */
export function tolerated({ tolerate }: MapMember, count: number): number {
  return 'count' in tolerate ? tolerate.count : Math.floor(tolerate.fraction * count);
}

/** How far the one step of no return is. `out`: it was sent and nobody knows for sure how it ended. */
export function pivotCourse(saga: Saga, workflow: Workflow): 'before' | 'out' | 'past' {
  const { pivot } = workflow;
  if (pivot === undefined) return 'before';
  // It, or what it lies in, was passed over: what follows cannot be undone all the same.
  for (let end = pivot.indexOf('/'); end !== -1; end = pivot.indexOf('/', end + 1))
    if (isPassed(saga, pivot.slice(0, end))) return 'past';
  if (isPassed(saga, pivot)) return 'past';
  const forward = saga.steps[pivot]?.forward;
  if (!forward) return 'before';
  if (forward.status === 'running' || forward.status === 'waiting') return 'out';
  if (forward.outcome === 'succeeded') return 'past';
  return forward.outcome === 'rejected' ? 'before' : 'out';
}

function isPassed(saga: Saga, path: string): boolean {
  const progress = saga.steps[path];
  return progress !== undefined && (!progress.taken || progress.skipped === true);
}
