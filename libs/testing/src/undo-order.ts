import type { HistoryRecord, Workflow } from '@counterstep/core';

/**
 * What is undone, first to last: each by the path of its step, by the worker that undoes it (`inventory.release`), or by
 * that worker's own part (`release`). A list in the list is what is undone at the same time.
 */
export type UndoOrder = readonly (string | readonly string[])[];

/** The paths that were undone, those that were sent together in one list; a later run of an undo counts too. */
export function compensationsOf(history: readonly HistoryRecord[]): string[][] {
  return history
    .map(({ facts }) =>
      facts.flatMap((fact) =>
        fact.type === 'command' && fact.direction === 'undo' && fact.attempt === 1 ? [fact.step] : [],
      ),
    )
    .filter((sent) => sent.length > 0);
}

/** How the undo went otherwise than expected; undefined when it did not. */
export function orderProblem(
  expected: UndoOrder,
  actual: readonly (readonly string[])[],
  workflow: Workflow,
): string | undefined {
  const isSame =
    expected.length === actual.length &&
    expected.every((entry, index) => {
      const names = typeof entry === 'string' ? [entry] : entry;
      const paths = actual[index] ?? [];
      return (
        names.length === paths.length &&
        names.every((name) => paths.some((path) => isNamed(workflow, path, name))) &&
        paths.every((path) => names.some((name) => isNamed(workflow, path, name)))
      );
    });
  return isSame
    ? undefined
    : `expected to be undone: ${shown(expected)}\nwas undone:            ${shown(actual)}`;
}

function isNamed(workflow: Workflow, path: string, name: string): boolean {
  const { compensation = '' } = workflow.step(path);
  return (
    name === path || name === compensation || name === compensation.slice(compensation.lastIndexOf('.') + 1)
  );
}

function shown(order: UndoOrder): string {
  if (order.length === 0) return 'nothing';
  return order.map((entry) => (typeof entry === 'string' ? entry : entry.join(' and '))).join(', then ');
}
