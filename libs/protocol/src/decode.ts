import type * as z from 'zod';
import { parseJson, storableText } from './json.js';
import { CONTENT_TYPE } from './messages.js';
import { quickCheckOf } from './quick-check.js';
import type { QuickCheck } from './quick-check.js';

export type Decoded<T> = { ok: true; message: T } | { ok: false; code: string; reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();
/** Node's buffers come out of a pool, which is several times faster for texts as short as ours. */
const encode: (text: string) => Uint8Array =
  typeof Buffer === 'undefined' ? (text) => encoder.encode(text) : (text) => Buffer.from(text);

const MAX_REASON = 2_000;

/**
 * Reads one message off the wire. Never throws: what is not a `T` comes back with a code and a reason for the dead letter,
 * which may itself be stored and sent, whatever the message held.
 */
export function decodeMessage<T>(schema: z.ZodType<T>, value: Uint8Array | null): Decoded<T> {
  if (value === null) return { ok: false, code: 'EMPTY_MESSAGE', reason: 'the message has no value' };
  let text: string;
  try {
    text = utf8.decode(value);
  } catch {
    return { ok: false, code: 'NOT_UTF8', reason: 'the message is not UTF-8' };
  }
  const json = parseJson(text);
  if (!json.ok) {
    const where = json.problem.path === '' ? '' : ` at ${json.problem.path}`;
    return {
      ok: false,
      code: json.problem.code,
      reason: storableText(json.problem.message + where, MAX_REASON),
    };
  }
  if (quickly(schema)(json.value)) return { ok: true, message: json.value as T };
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || '(envelope)'}: ${issue.message}`,
  );
  return { ok: false, code: 'BAD_ENVELOPE', reason: storableText(problems.join('; '), MAX_REASON) };
}

const quickChecks = new WeakMap<z.ZodType, QuickCheck>();

function quickly(schema: z.ZodType): QuickCheck {
  let check = quickChecks.get(schema);
  if (!check) quickChecks.set(schema, (check = quickCheckOf(schema)));
  return check;
}

export function encodeMessage(message: object): Uint8Array {
  return encode(JSON.stringify(message));
}

const PLAIN_HEADERS: Readonly<Record<string, string>> = Object.freeze({ 'content-type': CONTENT_TYPE });

/** The headers that go with an envelope: `traceparent` only when the saga is traced, and no other. */
export function headersOf(envelope: {
  readonly traceparent?: string | undefined;
}): Readonly<Record<string, string>> {
  const { traceparent } = envelope;
  return traceparent === undefined ? PLAIN_HEADERS : { ...PLAIN_HEADERS, traceparent };
}
