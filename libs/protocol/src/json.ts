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
  // The walk is needed only when the text is suspect, which almost no message is.
  if (!isSuspect(text)) return { ok: true, value };
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

/**
 * Whether what the text says must be looked at: it names `__proto__`, or escapes characters, which may spell it or be
 * unstorable; it has brackets enough for a value that is too deep, or digits enough for a number beyond a double (three in
 * an exponent, or 210 with two in it). One pass, as every message goes through here.
 */
function isSuspect(text: string): boolean {
  if (text.includes('\\u') || text.includes('__proto__') || !text.isWellFormed()) return true;
  let opened = 0;
  let digits = 0;
  let isExponent = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      digits += 1;
      if (digits === (isExponent ? 3 : 210)) return true;
      continue;
    }
    isExponent = code === SMALL_E || code === LARGE_E || (isExponent && digits === 0 && code === PLUS);
    digits = 0;
    if (code === OPEN_LIST || code === OPEN_OBJECT) opened += 1;
    else if (code === QUOTE) at = endOfString(text, at);
  }
  return opened > MAX_DEPTH;
}

/** Where the string ends that begins at `from`; the text is JSON. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
}

const [ZERO, NINE, SMALL_E, LARGE_E, PLUS, OPEN_LIST, OPEN_OBJECT, QUOTE, BACKSLASH] = [
  0x30, 0x39, 0x65, 0x45, 0x2b, 0x5b, 0x7b, 0x22, 0x5c,
] as const;

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
