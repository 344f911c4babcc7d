import { isFinished } from './saga.js';
import type { Saga } from './saga.js';
import { membersOf, pathIn } from './tree.js';
import type { Member, Workflow } from './workflow.js';

/**
 * Percent of the work that is done, by the steps' weights, rounded down. Without the definition (this process may lack
 * it) the entered steps count alike.
 */
export function progressOf(saga: Saga, workflow: Workflow | undefined): number {
  if (saga.state === 'completed') return 100;
  const parts = workflow
    ? partsOf(saga, workflow, '')
    : Object.keys(saga.steps).map((path) => part(saga, path, 1));
  const isEven = parts.every(({ weight }) => weight === 0);
  const of = ({ weight }: Part): number => (isEven ? 1 : weight);
  const total = parts.reduce((sum, each) => sum + of(each), 0);
  const done = parts.reduce((sum, each) => sum + of(each) * each.done, 0);
  // What is a rounding error below a whole percent is that percent: 0.1 + 0.7 is less than 0.8.
  const percent = total === 0 ? 0 : Math.floor((100 * done) / total + 1e-9);
  return Math.min(isFinished(saga) ? 100 : 99, percent);
}

interface Part {
  readonly weight: number;
  /** 0 to 1. */
  readonly done: number;
}

function partsOf(saga: Saga, workflow: Workflow, scope: string): Part[] {
  return workflow.items
    .flatMap(membersOf)
    .flatMap((member) => partsOfMember(saga, member, pathIn(scope, member.name)));
}

function partsOfMember(saga: Saga, member: Member, path: string): Part[] {
  if (member.kind === 'workflow') return isPassed(saga, path) ? [] : partsOf(saga, member.workflow, path);
  if (member.kind === 'map') return isPassed(saga, path) ? [] : partsOfMap(saga, member, path);
  return [part(saga, path, member.kind === 'step' ? member.progressWeight : 0)];
}

/** A map weighs what one of its items does. */
function partsOfMap(saga: Saga, map: Extract<Member, { kind: 'map' }>, path: string): Part[] {
  const count = saga.steps[path]?.items?.length ?? 0;
  const whole = partsOfMember(saga, map.body, pathIn(path, '*'));
  if (count === 0) return whole.map(({ weight }) => ({ weight, done: saga.steps[path]?.outcome ? 1 : 0 }));
  const each = Array.from({ length: count }, (_, index) =>
    partsOfMember(saga, map.body, pathIn(path, index)),
  );
  return each.flat().map(({ weight, done }) => ({ weight: weight / count, done }));
}

function part(saga: Saga, path: string, weight: number): Part {
  const step = saga.steps[path];
  const outcome = step?.kind ? step.outcome : step?.forward?.outcome;
  return { weight, done: isPassed(saga, path) || outcome === 'succeeded' ? 1 : 0 };
}

function isPassed(saga: Saga, path: string): boolean {
  const step = saga.steps[path];
  return step !== undefined && (!step.taken || step.skipped === true);
}
