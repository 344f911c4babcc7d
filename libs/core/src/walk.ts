import { membersOf, pathIn } from './tree.js';
import type { Member, ParallelGroup, WorkflowItem } from './workflow.js';

/** Where something stands at one level of the definition. */
interface Level {
  readonly name: string;
  /** Of its item in its sequence: the members of a group share it. */
  readonly index: number;
  readonly group?: ParallelGroup;
  /** It is what a map runs for its items. */
  readonly body?: true;
}

/** A member of the definition with all that it lies in. */
export interface Standing {
  /** `*` stands for the items of a map. */
  readonly path: string;
  readonly member: Member;
  /** From the workflow down to itself. */
  readonly levels: readonly Level[];
  /** Characters of its longest path: an item's index has as many digits as the list may need. */
  readonly length: number;
}

/** Every member of a sequence, those of groups, sub-workflows and maps too, each before what lies in it. */
export function* walk(
  items: readonly WorkflowItem[],
  inside?: Pick<Standing, 'path' | 'levels' | 'length'>,
): Generator<Standing> {
  for (const [index, item] of items.entries())
    for (const member of membersOf(item)) {
      const level = { name: member.name, index, ...(item.kind === 'parallel' && { group: item }) };
      yield* below({
        path: pathIn(inside?.path ?? '', member.name),
        member,
        levels: [...(inside?.levels ?? []), level],
        length: (inside ? inside.length + 1 : 0) + member.name.length,
      });
    }
}

function* below(standing: Standing): Generator<Standing> {
  yield standing;
  const { member } = standing;
  if (member.kind === 'workflow') yield* walk(member.workflow.items, standing);
  if (member.kind === 'map')
    yield* below({
      path: pathIn(standing.path, '*'),
      member: member.body,
      levels: [...standing.levels, { name: '*', index: 0, body: true }],
      length: standing.length + 1 + String(member.maxItems - 1).length,
    });
}

/**
 * How `a` stands to `b`: where their paths part, the one whose item comes first is before the other, members of one group
 * are beside one another. A path that lies in the other is `inside`.
 */
export function relation(a: Standing, b: Standing): 'before' | 'beside' | 'after' | 'inside' {
  for (const [depth, level] of a.levels.entries()) {
    const other = b.levels[depth];
    if (!other) return 'inside';
    if (level.name === other.name) continue;
    if (level.index === other.index) return 'beside';
    return level.index < other.index ? 'before' : 'after';
  }
  return 'inside';
}
