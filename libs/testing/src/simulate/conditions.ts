import { Workflow, pathIn } from '@counterstep/core';
import type { WorkflowItem } from '@counterstep/core';

/** The conditional members of a workflow, by path; of a map's body, one path for all items. */
export function conditionalsOf(workflow: Workflow): string[] {
  return workflow.paths().filter((path) => workflow.member(path).condition !== undefined);
}

/** The workflow with a condition at that path that gives this answer, and the same in all else. */
export function withAnswer(workflow: Workflow, path: string, answer: boolean): Workflow {
  const items = workflow.items.map((item) => changed(item, '', path, answer));
  return copyWith(workflow, items);
}

function changed<Item extends WorkflowItem>(item: Item, scope: string, path: string, answer: boolean): Item {
  if (item.kind === 'parallel')
    return { ...item, members: item.members.map((member) => changed(member, scope, path, answer)) };
  const at = pathIn(scope, item.name);
  if (at === path) return { ...item, condition: { evaluate: () => answer } };
  if (!path.startsWith(`${at}/`)) return item;
  if (item.kind === 'workflow') return { ...item, workflow: childWith(item.workflow, at, path, answer) };
  if (item.kind === 'map' && item.body.kind === 'workflow') {
    const workflow = childWith(item.body.workflow, `${at}/*`, path, answer);
    return { ...item, body: { ...item.body, workflow } };
  }
  return item;
}

function childWith(child: Workflow, scope: string, path: string, answer: boolean): Workflow {
  return copyWith(
    child,
    child.items.map((item) => changed(item, scope, path, answer)),
  );
}

function copyWith(workflow: Workflow, items: readonly WorkflowItem[]): Workflow {
  const { name, version, digest, warnings, inputSchema, sagaTimeout, failureMode, part } = workflow;
  const settings = {
    ...(inputSchema && { inputSchema }),
    ...(sagaTimeout !== undefined && { sagaTimeout }),
    failureMode,
    part,
  };
  return new Workflow(name, version, digest, items, settings, warnings, workflow.toJSON());
}
