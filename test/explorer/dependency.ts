import { membersOf } from '@counterstep/core';
import type { Saga, Workflow } from '@counterstep/core';

/* What the invariants need to know, written from what is promised, and not taken from the rules that they check. */

export function isOver({ state }: Pick<Saga, 'state'>): boolean {
  return state !== 'pending' && state !== 'running';
}

/** Whether what `later` does may rest on what `earlier` did: both lie in one sequence, at different places. */
export function dependsOn(workflow: Workflow, later: string, earlier: string): boolean {
  let [a, b] = [later.split('/'), earlier.split('/')];
  let inside: Workflow = workflow;
  for (;;) {
    const [first, other] = [placeOf(inside, a[0]), placeOf(inside, b[0])];
    if (first.index !== other.index) return first.index > other.index;
    if (a[0] !== b[0] || !first.child) return false;
    // What lies in one item of a map is a sequence of its own, items do not depend on one another.
    const skip = first.isMap ? 2 : 1;
    if (first.isMap && a[1] !== b[1]) return false;
    [a, b] = [a.slice(skip), b.slice(skip)];
    if (a.length === 0 || b.length === 0) return false;
    inside = first.child;
  }
}

function placeOf(
  workflow: Workflow,
  name: string | undefined,
): { index: number; child?: Workflow; isMap: boolean } {
  for (const [index, item] of workflow.items.entries()) {
    const member = membersOf(item).find((each) => each.name === name);
    if (!member) continue;
    const body = member.kind === 'map' ? member.body : member;
    const isMap = member.kind === 'map';
    return { index, isMap, ...(body.kind === 'workflow' && { child: body.workflow }) };
  }
  throw new Error(`the definition has no '${name ?? ''}'`);
}
