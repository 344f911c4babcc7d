/**
 * JSON as it may travel and be stored.
 *
 * Postgres text cannot hold U+0000, and a lone surrogate is not valid UTF-8: either would make one message poison for
 * a whole batch. `__proto__` as a key is an attack on whoever merges objects. A number beyond a double is read as
 * Infinity and written as null, and deep nesting overflows the stack of whoever writes it. So all are refused at the border.
 */

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

export type JsonProblem = {
  code: 'NOT_JSON' | 'UNSTORABLE_TEXT' | 'FORBIDDEN_KEY' | 'UNSTORABLE_NUMBER';
  message: string;
  path: string;
};

export type ParsedJson = { ok: true; value: unknown } | { ok: false; problem: JsonProblem };

/** Parses text that came from outside. Never throws: what is not JSON, or may not be stored, is a named problem. */
export function parseJson(text: string): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      ok: false,
      problem: {
        code: 'NOT_JSON',
        message: error instanceof Error ? error.message : String(error),
        path: '',
      },
    };
  }
  // The exact walk is needed only for what is suspect, which almost no message is.
  if (!isSuspect(text) && !isOdd(value, 0)) return { ok: true, value };
  const problem = findProblem(value, '', 0);
  return problem ? { ok: false, problem } : { ok: true, value };
}

/** The first thing in `value` that may not be stored, or undefined. For values that did not come through `parseJson`. */
export function findJsonProblem(value: unknown): JsonProblem | undefined {
  return findProblem(value, '', 0);
}

/** Text as an error's words may be stored: at most `max` UTF-16 units, well formed, without U+0000. */
export function storableText(text: string, max: number): string {
  // Cut first: the cut may split a pair of surrogates.
  return text.slice(0, max).replaceAll('\u0000', '\ufffd').toWellFormed();
}

const MAX_DEPTH = 200;

/** Whether the text names `__proto__`, or escapes characters, which may spell it or be unstorable. */
function isSuspect(text: string): boolean {
  return text.includes('\\u') || text.includes('__proto__') || !text.isWellFormed();
}

/** Whether there may be a number beyond a double in it, or it is too deep. Makes nothing, as every message goes through here. */
function isOdd(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return false;
  if (depth === MAX_DEPTH) return true;
  if (Array.isArray(value)) return value.some((item) => isOdd(item, depth + 1));
  for (const key in value) if (isOdd((value as Record<string, unknown>)[key], depth + 1)) return true;
  return false;
}

function findProblem(value: unknown, path: string, depth: number): JsonProblem | undefined {
  if (depth > MAX_DEPTH) return { code: 'NOT_JSON', message: `nested deeper than ${MAX_DEPTH}`, path };
  if (typeof value === 'string') return textProblem(value, path);
  if (typeof value === 'number' && !Number.isFinite(value))
    return { code: 'UNSTORABLE_NUMBER', message: 'the number is too large for a double', path };
  if (typeof value !== 'object' || value === null) return undefined;
  for (const key of Object.keys(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (key === '__proto__')
      return { code: 'FORBIDDEN_KEY', message: 'the key __proto__ is refused', path: at };
    const problem =
      textProblem(key, at) ?? findProblem((value as Record<string, unknown>)[key], at, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}

function textProblem(text: string, path: string): JsonProblem | undefined {
  if (text.includes('\u0000'))
    return { code: 'UNSTORABLE_TEXT', message: 'the character U+0000 is refused', path };
  if (!text.isWellFormed())
    return { code: 'UNSTORABLE_TEXT', message: 'a lone surrogate is not valid text', path };
  return undefined;
}
