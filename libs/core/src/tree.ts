import type { Member, ParallelGroup, Workflow, WorkflowItem } from './workflow.js';

/** A member of the definition and where it stands. */
export interface Place {
  readonly path: string;
  readonly member: Member;
  /** The path whose context it reads: '' for the workflow itself, else a sub-workflow, or a map for its items. */
  readonly scope: string;
  /** The group that it is a member of. */
  readonly group?: ParallelGroup;
}

/** The places from the workflow down to `path`, which comes last; undefined when the definition has no such path. */
export function placesOf(workflow: Workflow, path: string): Place[] | undefined {
  const places: Place[] = [];
  let scope = '';
  let inside: Workflow | Member = workflow;
  for (const segment of path.split('/')) {
    const found = inMember(inside, segment);
    if (!found) return undefined;
    const place: Place = { path: pathIn(scope, segment), scope, ...found };
    places.push(place);
    scope = place.path;
    inside = place.member;
  }
  return places;
}

function inMember(
  inside: Workflow | Member,
  segment: string,
): { member: Member; group?: ParallelGroup } | undefined {
  if (!('kind' in inside)) return inWorkflow(inside, segment);
  if (inside.kind === 'workflow') return inWorkflow(inside.workflow, segment);
  if (inside.kind === 'map' && /^(?:\*|\d+)$/.test(segment)) return { member: inside.body };
  return undefined;
}

function inWorkflow(workflow: Workflow, name: string): { member: Member; group?: ParallelGroup } | undefined {
  for (const item of workflow.items) {
    const member = membersOf(item).find((each) => each.name === name);
    if (member) return { member, ...(item.kind === 'parallel' && { group: item }) };
  }
  return undefined;
}

/** The path of what is called `name` inside `scope`. */
export function pathIn(scope: string, name: string | number): string {
  return scope === '' ? String(name) : `${scope}/${name}`;
}

/** The path that a path lies in; '' for the workflow. */
export function scopeOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The members of a parallel group; of anything else, itself. */
export function membersOf(item: WorkflowItem): readonly Member[] {
  return item.kind === 'parallel' ? item.members : [item];
}
