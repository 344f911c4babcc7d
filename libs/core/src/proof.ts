import type { Problem } from './errors.js';
import { stepsAmong } from './pivot.js';
import type { StepStanding } from './pivot.js';
import { problem } from './problems.js';
import { relation, walk } from './walk.js';
import type { Standing } from './walk.js';
import type { WorkflowItem } from './workflow.js';

/** Each reachable failure that leaves an effect without an undo, and each promise that the definition gives away. */
export function proofOf(items: readonly WorkflowItem[]): Problem[] {
  const standings = [...walk(items)];
  const steps = stepsAmong(standings);
  const pivot = steps.find(({ member }) => member.pivot);
  return [
    ...steps.flatMap((step) => leftStanding(step, standings, pivot)),
    ...steps.flatMap(withoutOutput),
    ...steps.flatMap(withoutBarrier),
    ...standings.flatMap(ignoredSettings),
  ];
}

/** The failures after which the effect of a step stays, though the saga is undone. */
function leftStanding(
  step: StepStanding,
  standings: readonly Standing[],
  pivot: StepStanding | undefined,
): Problem[] {
  const { compensation, readOnly, retriable } = step.member;
  if (compensation !== undefined || readOnly || step.member.pivot) return [];
  if (retriable) {
    if (!pivot || relation(step, pivot) !== 'beside') return [];
    return [
      problem(
        'NO_UNDO',
        step.path,
        `its effect would stay when the pivot '${pivot.path}' beside it is rejected`,
        'move it after the pivot, or mark it readOnly',
      ),
    ];
  }
  const others = [...failuresAfter(step, standings), ...lostJoins(step)].join('');
  return [
    problem(
      'NO_UNDO',
      step.path,
      `its effect would stay when it ends failed or unknown, ${others}or the saga is cancelled`,
      'name a compensation, or mark it readOnly',
    ),
  ];
}

/** How many are named; a long list helps nobody. */
const NAMED = 3;

function failuresAfter(step: StepStanding, standings: readonly Standing[]): string[] {
  const names: string[] = [];
  for (const other of standings) {
    if (!canFail(other)) continue;
    const at = relation(step, other);
    if (at !== 'before' && at !== 'beside') continue;
    if (names.length === NAMED) return [`${names.join(', ')} or another fails, `];
    names.push(`'${other.path}'`);
  }
  return names.length === 0 ? [] : [`${names.join(' or ')} fails, `];
}

function lostJoins({ levels }: StepStanding): string[] {
  const mayLose = levels.some(
    ({ group }) => group && !group.keep && group.join !== 'all' && group.join !== 'settle',
  );
  return mayLose ? ['its group does not need it, '] : [];
}

/** By itself: a sub-workflow fails by its steps, a sleep never. */
function canFail({ member }: Standing): boolean {
  if (member.kind === 'signal') return member.approval || member.onTimeout === 'reject';
  return member.kind === 'step' || member.kind === 'map';
}

/** An attempt without an answer ends as unknown, and has no output. */
function withoutOutput({ path, member }: StepStanding): Problem[] {
  if (!member.undoNeedsOutput) return [];
  return [
    problem(
      'UNKNOWN_NEEDS_OUTPUT',
      path,
      'it can end failed or unknown, and its undo needs the output that it then does not have',
      'let the undo find the effect by the effect key or the input, or report undo data by heartbeat',
    ),
  ];
}

function withoutBarrier({ path, member }: StepStanding): Problem[] {
  if (member.barrier !== 'none' || member.compensation === undefined) return [];
  return [
    problem(
      'BARRIER_NONE',
      path,
      'without a barrier its effect may happen twice, or after its undo',
      "use barrier: 'transaction' or 'external'",
    ),
  ];
}

function ignoredSettings({ path, member }: Standing): Problem[] {
  if (member.kind !== 'workflow') return [];
  const { sagaTimeout, failureMode } = member.workflow;
  return [
    ...(sagaTimeout === undefined ? [] : ['sagaTimeout']),
    ...(failureMode === 'compensate' ? [] : ['failureMode']),
  ].map((setting) =>
    problem(
      'CHILD_SETTING_IGNORED',
      path,
      `the ${setting} of workflow '${member.workflow.name}' does not count in a sub-workflow`,
      'set it in the workflow that is started',
    ),
  );
}
