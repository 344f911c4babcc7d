import type { JsonObject, JsonValue } from '@counterstep/protocol';
import * as z from 'zod';

/** One operation of a JSON Patch (RFC 6902); those that `patchBetween` makes use. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string };

/** What came as JSON is JSON all the way down, and is not looked through once more. */
const value = z.custom<JsonValue>((given) => given !== undefined);
const path = z.string().startsWith('/');

export const patchSchema = z.array(
  z.union([
    z.object({ op: z.enum(['add', 'replace']), path, value }),
    z.object({ op: z.literal('remove'), path }),
  ]),
);

/**
 * What makes `after` of `before`. In time that grows with the data's size, which is why it is our own: what compares
 * lists for the shortest of all patches takes the product of their lengths, and a context may hold long ones.
 */
export function patchBetween(before: JsonObject, after: JsonObject): PatchOperation[] {
  return objectPatch(before, after, '');
}

/**
 * Applies the operations to `target` itself; what they add is copied.
 * @throws TypeError when a path leads nowhere.
 */
export function applyPatch(target: JsonObject, patch: readonly PatchOperation[]): void {
  for (const operation of patch) applyOne(target, operation);
}

/** The field that a path of one name leads to; undefined for a longer one. */
export function topField(path: string): string | undefined {
  const [name, ...more] = namesIn(path);
  return more.length === 0 ? name : undefined;
}

function objectPatch(before: JsonObject, after: JsonObject, path: string): PatchOperation[] {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const operations: PatchOperation[] = gone.map((key) => ({ op: 'remove', path: pathTo(path, key) }));
  for (const [key, value] of Object.entries(after)) {
    const at = pathTo(path, key);
    if (Object.hasOwn(before, key)) operations.push(...valuePatch(before[key] as JsonValue, value, at));
    else operations.push({ op: 'add', path: at, value });
  }
  return operations;
}

/** A patch that is longer than the new value is no use. */
function valuePatch(before: JsonValue, after: JsonValue, path: string): PatchOperation[] {
  const operations = innerPatch(before, after, path);
  if (operations === undefined) {
    return before === after ? [] : [{ op: 'replace', path, value: after }];
  }
  if (operations.length === 0) return operations;
  const whole: PatchOperation[] = [{ op: 'replace', path, value: after }];
  return JSON.stringify(operations).length < JSON.stringify(whole).length ? operations : whole;
}

/** Undefined when they are not both objects, or both lists. */
function innerPatch(before: JsonValue, after: JsonValue, path: string): PatchOperation[] | undefined {
  if (Array.isArray(before) && Array.isArray(after)) return listPatch(before, after, path);
  if (isObject(before) && isObject(after)) return objectPatch(before, after, path);
  return undefined;
}

/** What is equal at both ends stays; between them the items are compared one by one. */
function listPatch(
  before: readonly JsonValue[],
  after: readonly JsonValue[],
  path: string,
): PatchOperation[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isEqual(before[start], after[start])) start += 1;
  let kept = 0;
  while (kept < shorter - start && isEqual(before.at(-1 - kept), after.at(-1 - kept))) kept += 1;
  const [oldEnd, newEnd] = [before.length - kept, after.length - kept];
  const operations: PatchOperation[] = [];
  let index = start;
  for (; index < Math.min(oldEnd, newEnd); index += 1) {
    const at = pathTo(path, String(index));
    operations.push(...valuePatch(before[index] as JsonValue, after[index] as JsonValue, at));
  }
  // Each that goes makes the next one have its index.
  const end = pathTo(path, String(index));
  for (let left = oldEnd - index; left > 0; left -= 1) operations.push({ op: 'remove', path: end });
  for (; index < newEnd; index += 1)
    operations.push({ op: 'add', path: pathTo(path, String(index)), value: after[index] as JsonValue });
  return operations;
}

function isEqual(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return innerPatch(a, b, '')?.length === 0;
}

function applyOne(target: JsonObject, operation: PatchOperation): void {
  const names = namesIn(operation.path);
  const last = names.pop() as string;
  let parent: JsonValue | undefined = target;
  for (const name of names) parent = child(parent, name);
  const isIn = child(parent, last) !== undefined;
  if (Array.isArray(parent)) {
    const index = Number(last);
    const isEnd = operation.op === 'add' && index === parent.length;
    if (!isIn && !isEnd) throw new TypeError(`nothing is at ${operation.path}`);
    if (operation.op === 'add') parent.splice(index, 0, valueOf(operation));
    else if (operation.op === 'remove') parent.splice(index, 1);
    else parent[index] = valueOf(operation);
    return;
  }
  // A name that every object has by birth is no field of this one, and must not become its prototype.
  if (!isObject(parent) || last === '__proto__' || (!isIn && operation.op !== 'add'))
    throw new TypeError(`nothing is at ${operation.path}`);
  if (operation.op === 'remove') Reflect.deleteProperty(parent, last);
  else parent[last] = valueOf(operation);
}

/** The next operation may change it in its new place. */
function valueOf({ value }: { readonly value: JsonValue }): JsonValue {
  return structuredClone(value);
}

function child(parent: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, name)) return undefined;
  // A list's length is its own, and no item.
  if (Array.isArray(parent)) return /^\d+$/.test(name) ? parent[Number(name)] : undefined;
  return parent[name];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const pathTo = (path: string, name: string): string =>
  `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

const namesIn = (path: string): string[] =>
  path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
