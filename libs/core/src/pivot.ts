import type { Problem } from './errors.js';
import { problem } from './problems.js';
import { relation } from './walk.js';
import type { Standing } from './walk.js';
import type { ParallelGroup, Step } from './workflow.js';

/** A step with a worker and where it stands. */
export type StepStanding = Standing & { readonly member: Step };

export function stepsAmong(standings: readonly Standing[]): StepStanding[] {
  return standings.filter((standing): standing is StepStanding => standing.member.kind === 'step');
}

/**
 * What breaks the rules of the point of no return: one at most; all before it can be undone, all after it is carried
 * through, what runs beside it is not undone and does no harm. `part`: the workflow that it will stand in has the pivot.
 */
export function pivotProblems(standings: readonly Standing[], part: boolean): Problem[] {
  const steps = stepsAmong(standings);
  const pivots = steps.filter(({ member }) => member.pivot);
  const [pivot] = pivots;
  if (!pivot) return part ? [] : steps.filter(({ member }) => member.retriable).map(withoutPivot);
  return [
    ...pivots
      .slice(1)
      .map(({ path }) =>
        problem(
          'PIVOT_AGAIN',
          path,
          `'${pivot.path}' is the pivot already`,
          'after the point of no return there is no second one: mark this one retriable',
        ),
      ),
    ...pivots.flatMap(wrongPlace),
    ...steps.filter(({ member }) => !member.pivot).flatMap((step) => againstPivot(step, pivot)),
  ];
}

function withoutPivot({ path }: StepStanding): Problem {
  return problem(
    'RETRIABLE_WITHOUT_PIVOT',
    path,
    'it is retriable, so never undone, but what comes before can still fail',
    'mark a step before it as the pivot, or build({ part: true }) for use after the pivot of another workflow',
  );
}

function wrongPlace({ path, levels }: StepStanding): Problem[] {
  const problems: Problem[] = [];
  if (levels.some(({ body }) => body))
    problems.push(
      problem(
        'PIVOT_IN_MAP',
        path,
        'each item of the map would be a point of no return',
        'move it after the map',
      ),
    );
  const groups = levels
    .map(({ group }) => group)
    .filter((group): group is ParallelGroup => group !== undefined);
  if (groups.some(({ join, onFailure }) => join !== 'all' || onFailure !== 'quiesce'))
    problems.push(
      problem(
        'PIVOT_GROUP',
        path,
        'its group may go on, or undo, without its answer',
        "a pivot's group joins 'all' and quiesces",
      ),
    );
  return problems;
}

function againstPivot(step: StepStanding, pivot: StepStanding): Problem[] {
  const { path, member } = step;
  const { compensation, readOnly, retriable } = member;
  const at = relation(step, pivot);
  if (at === 'after' && !retriable)
    return [
      problem(
        'NOT_RETRIABLE_AFTER_PIVOT',
        path,
        `after the pivot '${pivot.path}' nothing is undone`,
        'mark it retriable, without a compensation',
      ),
    ];
  if (at === 'beside' && !retriable && !readOnly)
    return [
      problem(
        'NOT_RETRIABLE_BESIDE_PIVOT',
        path,
        `it runs beside the pivot '${pivot.path}', after which nothing is undone`,
        'mark it retriable or readOnly, or move it before the pivot',
      ),
    ];
  if (at !== 'before') return [];
  if (retriable)
    return [
      problem(
        'RETRIABLE_WITHOUT_PIVOT',
        path,
        `it is retriable, so never undone, but comes before the pivot '${pivot.path}'`,
        'move it after the pivot, or name a compensation instead',
      ),
    ];
  if (compensation === undefined && !readOnly)
    return [
      problem(
        'NOT_UNDOABLE_BEFORE_PIVOT',
        path,
        `it comes before the pivot '${pivot.path}' and cannot be undone`,
        'name a compensation, or mark it readOnly',
      ),
    ];
  return [];
}
