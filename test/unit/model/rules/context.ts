import type { WorkflowContext } from '@counterstep/core';
import { partsAt } from './state.js';
import type { Line, Part } from './state.js';

type Fields = Record<string, unknown>;

/** What functions of the definition see in a line, or beside item `index` of a map. */
export function contextIn(home: Line | Part, index: number): WorkflowContext {
  const { input, results } = inside(home, index);
  return { input, results, get: (key: string) => (key in results ? results[key] : input[key]) };
}

/** The context as a worker gets it that has no mapper. */
export function flat(context: WorkflowContext): Fields {
  return { ...context.input, ...context.results };
}

function inside(home: Line | Part, index: number): { input: Fields; results: Fields } {
  if ('workflow' in home) return { input: home.input, results: resultsOf(home) };
  const outer = inside(home.home, home.index);
  return { input: { ...outer.input, item: home.list?.[index], index }, results: outer.results };
}

/** The results by name, and what was written, later items over earlier ones. */
function resultsOf(line: Line): Fields {
  const results: Fields = {};
  for (let index = 0; index < line.workflow.items.length; index += 1) {
    const parts = partsAt(line, index).filter(hasResult);
    for (const part of parts) results[part.member.name] = part.output ?? null;
    for (const part of parts)
      for (const [key, value] of Object.entries(written(part)))
        if (!part.group || !(key in part.group.reducers)) results[key] = value;
    Object.assign(results, line.reduced.get(index));
  }
  return results;
}

/** What it gave the ones after it. */
export function hasResult(part: Part): boolean {
  if (!part.taken || part.lost === 'undo') return false;
  if (part.skipped) return true;
  return part.member.kind === 'step' ? part.forward.word === 'succeeded' : part.said === 'succeeded';
}

/** The fields of its output that become fields of the context. */
export function written(part: Part): Fields {
  const { output, member } = part;
  if (member.kind !== 'step' || typeof output !== 'object' || output === null) return {};
  const fields = output as Fields;
  return Object.fromEntries(
    (member.writes ?? []).filter((key) => key in fields).map((key) => [key, fields[key]]),
  );
}

/** By field, what the members that succeeded wrote, in the order of the group. */
export function valuesFor(line: Line, index: number, key: string): unknown[] {
  const item = line.workflow.items[index];
  const order = item?.kind === 'parallel' ? item.members.map(({ name }) => name) : [];
  return partsAt(line, index)
    .filter((part) => hasResult(part) && key in written(part))
    .sort((a, b) => order.indexOf(a.member.name) - order.indexOf(b.member.name))
    .map((part) => written(part)[key]);
}
