import { courseOfGroup, courseOfMember, courseOfSequence, pivotCourse } from './course.js';
import type { Cause } from './facts.js';
import { pathIn, placesOf } from './tree.js';
import type { Transition } from './transition.js';
import { stop } from './undo.js';
import type { Member, ParallelGroup, Workflow } from './workflow.js';

/**
 * What a failure of the whole leads to: the turn, or a person where nothing may be undone, or the saga was told to wait.
 * Until the pivot's answer is there it leads to nothing. True when a person was asked: the rest can go on then.
 */
export function fail(transition: Transition): boolean {
  const { saga, workflow } = transition;
  const failed = failedIn(transition, workflow, '');
  const pivot = pivotCourse(saga, workflow);
  const asks = transition.saga.attention.length;
  const turning: string[] = [];
  for (const path of failed.leaves) {
    if (path === workflow.pivot && pivot === 'out') ask(transition, path, 'PIVOT_UNCERTAIN');
    else if (pivot === 'past') ask(transition, path, 'RETRIABLE_FAILED');
    else if (pivot === 'before') turning.push(path);
    else if (isRetriable(workflow, path)) ask(transition, path, 'RETRIABLE_FAILED');
  }
  const first = firstToEnd(transition, turning);
  if (first !== undefined && saga.cancelWanted) turn(transition, 'cancelled', saga.cancelWanted);
  else if (first !== undefined && saga.failureMode !== 'hold') {
    for (const path of failed.unawaited)
      transition.add({ type: 'gaveUp', step: path, direction: 'forward', unawaited: true });
    turn(transition, 'compensated', causeOf(transition, first));
  } else for (const path of turning) ask(transition, path, 'STEP_FAILED');
  return transition.saga.attention.length > asks;
}

/** From forward to undo. What is planned is not done, and nobody is asked about it any more, even while the saga is paused. */
export function turn(transition: Transition, aim: 'compensated' | 'cancelled', cause: Cause): void {
  transition.add({ type: 'turned', aim, cause });
  stop(transition, '');
}

/** Why the step failed, for the record of the saga. */
export function causeOf(transition: Transition, path: string): Cause {
  const attempt = transition.progress(path)?.forward?.attempt;
  return { ...transition.failureOf(path), step: path, ...(attempt !== undefined && { attempt }) };
}

/** Several have failed when a group bore some of them, or when they failed during a pause. */
function firstToEnd(transition: Transition, paths: readonly string[]): string | undefined {
  const endOf = (path: string): number => {
    const progress = transition.progress(path);
    return progress?.forward?.endedAt ?? progress?.endedAt ?? Infinity;
  };
  return paths.toSorted((a, b) => endOf(a) - endOf(b) || 0)[0];
}

const ASKS = {
  PIVOT_UNCERTAIN: 'nobody knows whether the step of no return took effect',
  RETRIABLE_FAILED: 'the step must be carried through, as what came before cannot be undone',
  STEP_FAILED: 'the step failed, and the saga was told to wait',
} as const;

function ask(transition: Transition, path: string, code: keyof typeof ASKS): void {
  const { code: reason, message } = transition.failureOf(path);
  transition.askPerson(code, `${ASKS[code]}: ${path} ended ${reason}: ${message}`, path, 'forward');
}

function isRetriable(workflow: Workflow, path: string): boolean {
  const member = placesOf(workflow, path)?.at(-1)?.member;
  return member?.kind === 'step' && member.retriable === true;
}

interface Failed {
  /** The members at the bottom that failed, in the order of the definition. */
  readonly leaves: string[];
  /** What is out in groups that do not wait. */
  readonly unawaited: string[];
}

function failedIn(transition: Transition, workflow: Workflow, scope: string): Failed {
  const { saga } = transition;
  for (const item of workflow.items) {
    if (item.kind === 'parallel') {
      const course = courseOfGroup(saga, item, scope);
      if (course === 'failed') return failedInGroup(transition, item, scope);
      if (course !== 'done') break;
    } else {
      const path = pathIn(scope, item.name);
      const course = courseOfMember(saga, item, path);
      if (course === 'failed') return failedInMember(transition, item, path);
      if (course !== 'done') break;
    }
  }
  return { leaves: [], unawaited: [] };
}

function failedInGroup(transition: Transition, group: ParallelGroup, scope: string): Failed {
  const found: Failed = { leaves: [], unawaited: [] };
  for (const member of group.members) {
    const path = pathIn(scope, member.name);
    if (courseOfMember(transition.saga, member, path) === 'failed') {
      const inside = failedInMember(transition, member, path);
      found.leaves.push(...inside.leaves);
      found.unawaited.push(...inside.unawaited);
    }
    if (group.onFailure === 'failFast') found.unawaited.push(...outUnder(transition, path));
  }
  return { leaves: found.leaves, unawaited: [...new Set(found.unawaited)] };
}

function failedInMember(transition: Transition, member: Member, path: string): Failed {
  const isWhole = transition.progress(path)?.outcome === 'rejected';
  if (member.kind === 'workflow' && courseOfSequence(transition.saga, member.workflow, path) === 'failed')
    return failedIn(transition, member.workflow, path);
  if (member.kind !== 'map' || isWhole) return { leaves: [path], unawaited: [] };
  const found: Failed = { leaves: [], unawaited: [] };
  for (const index of transition.progress(path)?.items?.keys() ?? []) {
    const item = pathIn(path, index);
    if (courseOfMember(transition.saga, member.body, item) !== 'failed') continue;
    if (transition.progress(item)?.lost) continue;
    const inside = failedInMember(transition, member.body, item);
    found.leaves.push(...inside.leaves);
    found.unawaited.push(...inside.unawaited);
  }
  return found;
}

function outUnder({ saga }: Transition, path: string): string[] {
  return Object.values(saga.steps)
    .filter((step) => step.path === path || step.path.startsWith(`${path}/`))
    .filter((step) => step.forward?.status === 'running')
    .map((step) => step.path);
}
