import { isFinished } from './saga.js';
import type { Saga } from './saga.js';
import { NOTHING_TOLD } from './told.js';
import { membersOf, pathIn } from './tree.js';
import type { Member, Workflow } from './workflow.js';

/**
 * Percent of the work that is done, by the steps' weights, rounded down; 100 only when the saga has ended. Without the
 * definition (this process may lack it) the entered steps count alike. `told` has, by path, the part that is done of
 * steps that run: it counts as long as the saga goes forward.
 */
export function progressOf(
  saga: Saga,
  workflow: Workflow | undefined,
  told: ReadonlyMap<string, number>,
): number {
  if (saga.state === 'completed') return 100;
  const isForward = saga.direction === 'forward' && !isFinished(saga);
  const work: Work = { saga, told: isForward ? told : NOTHING_TOLD.parts };
  const parts = workflow
    ? partsOf(work, workflow, '')
    : Object.keys(saga.steps).map((path) => part(work, path, 1));
  const isEven = parts.every(({ weight }) => weight === 0);
  const of = ({ weight }: Part): number => (isEven ? 1 : weight);
  const total = parts.reduce((sum, each) => sum + of(each), 0);
  const done = parts.reduce((sum, each) => sum + of(each) * each.done, 0);
  // What is a rounding error below a whole percent is that percent: 0.1 + 0.7 is less than 0.8.
  const percent = total === 0 ? 0 : Math.floor((100 * done) / total + 1e-9);
  return Math.min(isFinished(saga) ? 100 : 99, percent);
}

interface Work {
  readonly saga: Saga;
  readonly told: ReadonlyMap<string, number>;
}

interface Part {
  readonly weight: number;
  /** 0 to 1. */
  readonly done: number;
}

function partsOf(work: Work, workflow: Workflow, scope: string): Part[] {
  return workflow.items
    .flatMap(membersOf)
    .flatMap((member) => partsOfMember(work, member, pathIn(scope, member.name)));
}

function partsOfMember(work: Work, member: Member, path: string): Part[] {
  if (member.kind === 'workflow') return isPassed(work, path) ? [] : partsOf(work, member.workflow, path);
  if (member.kind === 'map') return isPassed(work, path) ? [] : partsOfMap(work, member, path);
  return [part(work, path, member.kind === 'step' ? member.progressWeight : 0)];
}

/** A map weighs what one of its items does. */
function partsOfMap(work: Work, map: Extract<Member, { kind: 'map' }>, path: string): Part[] {
  const { steps } = work.saga;
  const count = steps[path]?.items?.length ?? 0;
  const whole = partsOfMember(work, map.body, pathIn(path, '*'));
  if (count === 0) return whole.map(({ weight }) => ({ weight, done: steps[path]?.outcome ? 1 : 0 }));
  const each = Array.from({ length: count }, (_, index) =>
    partsOfMember(work, map.body, pathIn(path, index)),
  );
  return each.flat().map(({ weight, done }) => ({ weight: weight / count, done }));
}

function part(work: Work, path: string, weight: number): Part {
  const step = work.saga.steps[path];
  const outcome = step?.kind ? step.outcome : step?.forward?.outcome;
  if (isPassed(work, path) || outcome === 'succeeded') return { weight, done: 1 };
  return { weight, done: work.told.get(path) ?? 0 };
}

function isPassed({ saga }: Work, path: string): boolean {
  const step = saga.steps[path];
  return step !== undefined && (!step.taken || step.skipped === true);
}
