import type { JsonObject } from '@counterstep/protocol';
import type { BaseStepContext } from '@counterstep/steps';
import { applyPatch, patchBetween, topField, type PatchOperation } from './json-patch.js';
import { NotJson, plainFields } from './plain-json.js';
import { readStored } from './stored-result.js';

/** What each step gets anew: it does not travel as a field. */
const OWN_WAY: readonly string[] = [
  'runtimeCtx',
  'currentStep',
  'stepResults',
] satisfies (keyof BaseStepContext)[];

/** What of a context is the same in the next step, which another worker may run: its fields, as JSON. */
export interface ContextState {
  readonly fields: JsonObject;
  /** Fields that a step took away, or set to undefined. */
  readonly gone: ReadonlySet<string>;
}

/** The state that these results, in their order, lead to; undefined when there is none before the first of them. */
export function stateAfter(outputs: readonly unknown[]): ContextState | undefined {
  const patches = outputs.flatMap((output) => {
    const stored = readStored(output);
    return stored ? [stored.patch] : [];
  });
  if (patches.length === 0) return undefined;
  const fields: JsonObject = {};
  const gone = new Set<string>();
  for (const patch of patches) {
    applyPatch(fields, patch);
    for (const { op, path } of patch) {
      const field = topField(path);
      if (field === undefined) continue;
      if (op === 'remove') gone.add(field);
      else gone.delete(field);
    }
  }
  return { fields, gone };
}

/** Gives a fresh context the state. A field that the state does not know, as it is new in the class, stays as it is. */
export function restore(context: object, { fields, gone }: ContextState): void {
  const target = context as Record<string, unknown>;
  for (const field of gone) target[field] = undefined;
  // The steps change what they find, and what is compared with it later must stay.
  Object.assign(target, structuredClone(fields));
}

/**
 * Refuses what `createContext` returned when a step could not begin with it: another saga would have left its fields there.
 * @throws TypeError; NotJson for a field that could not be put into the next step's context.
 */
export function checkFresh(context: unknown, local: ReadonlySet<string>): void {
  const { stepResults, currentStep } = (context ?? {}) as Partial<BaseStepContext>;
  if (!Array.isArray(stepResults) || currentStep === undefined)
    throw new TypeError('createContext returned no context: return an instance of BaseStepContext');
  if (currentStep !== null)
    throw new TypeError('createContext returned a context that is in use: make a new one each time');
  for (const [field, { enumerable, writable, set }] of Object.entries(
    Object.getOwnPropertyDescriptors(context),
  )) {
    const isSettable = writable === true || set !== undefined;
    if (!enumerable || isSettable || OWN_WAY.includes(field) || local.has(field)) continue;
    throw new NotJson(
      field,
      'it is read only, or a getter of this object, so the next step could not get it',
    );
  }
}

/** @throws NotJson */
export function fieldsOf(context: object, local: ReadonlySet<string>): JsonObject {
  return plainFields(context, (field) => !OWN_WAY.includes(field) && !local.has(field));
}

/** What the step did to the context. `known`: what the steps before it told; `before` and `after`: its fields. */
export function changes(
  known: ContextState | undefined,
  before: JsonObject,
  after: JsonObject,
): PatchOperation[] {
  // By way of what it was before, so that also what the first step took away is told.
  return [...patchBetween(known?.fields ?? {}, before), ...patchBetween(before, after)];
}
