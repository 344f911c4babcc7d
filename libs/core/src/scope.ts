import type { JsonObject } from '@counterstep/protocol';
import { contextOf } from './context.js';
import type { WorkflowContext } from './context.js';
import { deepFreeze } from './digest.js';
import { inOrder } from './saga.js';
import type { Saga, Stage, StepProgress } from './saga.js';
import { scopeOf } from './tree.js';

/* What a step sees: the input of its scope, and what the steps of its scope have given so far. */

/** The context of the step at `path`, whose turn has come. Frozen: what a mapper wrote to it would not be in the history. */
export function contextFor(saga: Saga, path: string): WorkflowContext {
  const { input, results } = seenBy(saga, path);
  return contextOf(deepFreeze(input), deepFreeze(results));
}

/** The context of a scope when everything in it is done. */
export function contextInside(saga: Saga, scope: string): WorkflowContext {
  const { input, results } = inside(saga, scope);
  return contextOf(deepFreeze(input), deepFreeze(results));
}

/** The same, flat: what a step without a mapper is sent. */
export function flatContextFor(saga: Saga, path: string): JsonObject {
  const { input, results } = seenBy(saga, path);
  return { ...input, ...results } as JsonObject;
}

/** Results by name of the steps of a scope that succeeded. */
export function resultsOf(saga: Saga, scope = ''): Record<string, unknown> {
  const results: Record<string, unknown> = {};
  const start = scope === '' ? 0 : scope.length + 1;
  for (const path in saga.steps) {
    const step = saga.steps[path] as StepProgress;
    if (isGiven(step) && isDirectlyIn(path, scope)) results[path.slice(start)] = step.output ?? null;
  }
  return results;
}

/** Results of a map's items, in their order; null for those that have none. */
export function resultsOfItems(saga: Saga, map: StepProgress): unknown[] {
  return (map.items ?? []).map((_, index) => {
    const item = saga.steps[`${map.path}/${index}`];
    return item && isGiven(item) ? (item.output ?? null) : null;
  });
}

function seenBy(saga: Saga, path: string): { input: JsonObject; results: Record<string, unknown> } {
  const scope = scopeOf(path);
  const around = saga.steps[scope];
  if (around?.kind !== 'map') return inside(saga, scope);
  const { input, results } = seenBy(saga, scope);
  const index = Number(path.slice(scope.length + 1));
  return { input: { ...input, item: around.items?.[index], index } as JsonObject, results };
}

function inside(saga: Saga, scope: string): { input: JsonObject; results: Record<string, unknown> } {
  const input = scope === '' ? saga.input : (saga.steps[scope]?.input as JsonObject);
  return { input, results: Object.assign(resultsOf(saga, scope), patchesOf(saga, scope)) };
}

/** What steps and reducers wrote into the context of the scope; the later stage wins. */
function patchesOf(saga: Saga, scope: string): Record<string, unknown> | undefined {
  if (!saga.joined && !hasWrites(saga)) return undefined;
  const patches: { stage: Stage; patch: Record<string, unknown> }[] = [];
  for (const step of inOrder(saga)) {
    const { writes, output, stage } = step;
    if (!writes || !isGiven(step) || !isDirectlyIn(step.path, scope)) continue;
    const from = (typeof output === 'object' && output !== null ? output : {}) as Record<string, unknown>;
    const given = writes.filter((key) => Object.hasOwn(from, key));
    patches.push({ stage, patch: Object.fromEntries(given.map((key) => [key, from[key]])) });
  }
  for (const { scope: at, stage, patch } of saga.joined ?? [])
    if (at === scope) patches.push({ stage, patch });
  const last = (stage: Stage): number => stage.at(-1) ?? 0;
  patches.sort((a, b) => last(a.stage) - last(b.stage));
  return Object.assign({}, ...patches.map(({ patch }) => patch)) as Record<string, unknown>;
}

function hasWrites({ steps }: Saga): boolean {
  for (const path in steps) if (steps[path]?.writes) return true;
  return false;
}

/** Whether `scope` is what the path lies in; '' is the workflow. */
function isDirectlyIn(path: string, scope: string): boolean {
  const end = path.lastIndexOf('/');
  return scope === '' ? end === -1 : end === scope.length && path.startsWith(scope);
}

/** Whether its result is one that later steps may see. */
export function isGiven(step: StepProgress): boolean {
  if (step.lost === 'undo') return false;
  if (step.skipped) return true;
  return (step.kind ? step.outcome : step.forward?.outcome) === 'succeeded';
}
