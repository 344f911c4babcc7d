import type { Problem } from './errors.js';
import { pivotProblems } from './pivot.js';
import { problem } from './problems.js';
import { walk } from './walk.js';
import type { Standing } from './walk.js';
import { membersOf } from './tree.js';
import type { Member, ParallelGroup, Step, WorkflowItem } from './workflow.js';

/** More would make every decision about a saga slow; for many of a kind there is the map. */
const MAX_STEPS = 1_000;
/** Names in a path. */
const MAX_DEPTH = 10;
/** The path is a part of the effect key and of row keys. */
const MAX_PATH = 200;

/** What is wrong with how the items stand to one another; `part`: they are to stand in another workflow. */
export function ruleProblems(items: readonly WorkflowItem[], part: boolean): Problem[] {
  const standings: Standing[] = [];
  for (const standing of walk(items)) {
    if (standings.push(standing) <= MAX_STEPS) continue;
    return [
      problem(
        'TOO_MANY_STEPS',
        undefined,
        `there are more than ${MAX_STEPS} steps, those of sub-workflows counted each time`,
        'map over a list, or start a saga of its own from a step',
      ),
    ];
  }
  return [
    ...sameNames(items),
    ...longPaths(standings),
    ...hiddenNames(items),
    ...items.flatMap((item) => (item.kind === 'parallel' ? groupProblems(item) : [])),
    ...pivotProblems(standings, part),
  ];
}

function sameNames(items: readonly WorkflowItem[]): Problem[] {
  const seen = new Set<string>();
  const twice = items.flatMap(membersOf).filter(({ name }) => seen.size === seen.add(name).size);
  return twice.map(({ name }) =>
    problem(
      'DUPLICATE_NAME',
      name,
      `two steps are named '${name}'`,
      'history and undo know a step by its name: give each its own',
    ),
  );
}

function longPaths(standings: readonly Standing[]): Problem[] {
  return standings.flatMap(({ path, levels, length }) => {
    if (levels.length > MAX_DEPTH)
      return [
        problem(
          'TOO_DEEP',
          path,
          `it lies ${levels.length - 1} deep in sub-workflows and maps`,
          `use at most ${MAX_DEPTH} names in a path`,
        ),
      ];
    if (length > MAX_PATH)
      return [
        problem(
          'PATH_TOO_LONG',
          path,
          `its path has ${length} characters`,
          `use shorter names: a path has at most ${MAX_PATH} characters`,
        ),
      ];
    return [];
  });
}

/** The context is one object: a result and a field of one name would hide one another. */
function hiddenNames(items: readonly WorkflowItem[]): Problem[] {
  const members = items.flatMap(membersOf);
  const names = new Set(members.map(({ name }) => name));
  const hidden = members.flatMap((member) =>
    writesOf(member)
      .filter((key) => names.has(key))
      .map((key) =>
        problem(
          'WRITE_HIDES_STEP',
          member.name,
          `it writes '${key}', the name of a step`,
          'rename one of them',
        ),
      ),
  );
  if (!members.some(({ kind }) => kind === 'map')) return hidden;
  const hiding = members.flatMap((member) =>
    [member.name, ...writesOf(member)]
      .filter((key) => key === 'item' || key === 'index')
      .map((key) =>
        problem(
          'ITEM_HIDDEN',
          member.name,
          `'${key}' is what a map's items are told by, and would be hidden`,
          'use another name beside a map',
        ),
      ),
  );
  return [...hidden, ...hiding];
}

function groupProblems(group: ParallelGroup): Problem[] {
  const writers = new Map<string, Member[]>();
  for (const member of group.members)
    for (const key of writesOf(member)) writers.set(key, [...(writers.get(key) ?? []), member]);
  const problems: Problem[] = [];
  for (const [key, members] of writers)
    if (members.length > 1 && !Object.hasOwn(group.reducers, key))
      problems.push(
        problem(
          'WRITE_CONFLICT',
          members[1]?.name,
          `${members.map(({ name }) => `'${name}'`).join(' and ')} write '${key}' at the same time`,
          `add a reducer: { reducers: { ${key}: (values) => value } }`,
        ),
      );
  for (const key of Object.keys(group.reducers))
    if (!writers.has(key))
      problems.push(
        problem(
          'REDUCER_UNUSED',
          undefined,
          `no member of the group writes '${key}', which has a reducer`,
          `add writes: ['${key}'] to the members, or remove the reducer`,
        ),
      );
  if (group.onFailure === 'failFast') problems.push(...withoutBarrier(group));
  return problems;
}

/** What is not waited for may act after its undo, unless a barrier refuses it. */
function withoutBarrier(group: ParallelGroup): Problem[] {
  return [...walk([group])]
    .filter(({ member }) => member.kind === 'step' && (member.barrier ?? 'none') === 'none')
    .map(({ path }) =>
      problem(
        'FAIL_FAST_WITHOUT_BARRIER',
        path,
        'its group does not wait for it on failure, and no barrier would stop it afterwards',
        "say barrier: 'transaction' or 'external', or let the group quiesce",
      ),
    );
}

function writesOf(member: Member): readonly string[] {
  return (member as Partial<Step>).writes ?? [];
}
