import { findJsonProblem, type JsonObject, type JsonValue } from '@counterstep/protocol';

/** As deep as messages may be nested. */
const MAX_DEPTH = 200;

/** A value would not come back from JSON as it is. The path leads to what is in the way: `files.2.handle`. */
export class NotJson extends Error {
  constructor(
    readonly path: string,
    problem: string,
  ) {
    super(`${path}: ${problem}`);
  }
}

/**
 * A copy that JSON gives back as it is. A field that is undefined is left out: reading it gives the same.
 * @throws NotJson
 */
export function plainCopy(value: unknown, path: string): JsonValue {
  const copy = copyOf(value, path, []);
  const problem = findJsonProblem(copy);
  if (problem) throw new NotJson(problem.path === '' ? path : `${path}.${problem.path}`, problem.message);
  return copy;
}

/** As `plainCopy`, for the fields of an object, whatever its class. The names of the fields are the paths. */
export function plainFields(object: object, isWanted: (field: string) => boolean): JsonObject {
  const fields: JsonObject = {};
  for (const [field, value] of Object.entries(object)) {
    if (value === undefined || !isWanted(field)) continue;
    if (field === '__proto__') throw new NotJson(field, 'this name is refused');
    fields[field] = plainCopy(value, field);
  }
  return fields;
}

function copyOf(value: unknown, path: string, above: readonly unknown[]): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value)) return value;
      throw new NotJson(path, `${value} is no JSON`);
    case 'object':
      if (value === null) return null;
      break;
    default:
      throw new NotJson(path, `${value === undefined ? 'undefined' : `a ${typeof value}`} is no JSON`);
  }
  if (above.includes(value)) throw new NotJson(path, 'it contains itself');
  if (above.length === MAX_DEPTH) throw new NotJson(path, `it is nested deeper than ${MAX_DEPTH}`);
  const around = [...above, value];
  // `Array.from` shows a hole as undefined, which is refused.
  if (Array.isArray(value))
    return Array.from(value as unknown[], (item, index) => copyOf(item, `${path}.${index}`, around));
  if (!isPlain(value)) throw new NotJson(path, `${classOf(value)} is no plain data`);
  const copy: JsonObject = {};
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    if (key === '__proto__') throw new NotJson(`${path}.${key}`, 'this name is refused');
    copy[key] = copyOf(field, `${path}.${key}`, around);
  }
  return copy;
}

/** By shape and not by identity: an object may come from another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function classOf(value: object): string {
  const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class';
}
