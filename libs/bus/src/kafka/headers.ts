import { Buffer } from 'node:buffer';
import type { IHeaders } from 'kafkajs';

const NONE: Readonly<Record<string, string>> = Object.freeze({});

/** Nearly all messages have the very same header and no other: the last that came so, and what was made of it. */
let alone = { name: '', value: Buffer.alloc(0), texts: NONE };

/**
 * The headers that occur once. kafkajs collects them into a plain object, so that a header named `constructor` comes as
 * an array with a function in it, and one that occurs twice as an array of both; of the latter we know nothing.
 */
export function headersOf(headers: IHeaders | undefined): Readonly<Record<string, string>> {
  if (headers === undefined) return NONE;
  const names = Object.keys(headers);
  const [name = ''] = names;
  const value = headers[name];
  if (names.length !== 1 || !Buffer.isBuffer(value)) return textsOf(headers, names);
  if (name !== alone.name || !value.equals(alone.value))
    // A copy: what came is a piece of all that was fetched with it.
    alone = { name, value: Buffer.from(value), texts: Object.freeze(textsOf(headers, names)) };
  return alone.texts;
}

function textsOf(headers: IHeaders, names: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of names) {
    const value = onlyOne(headers[name]);
    if (value !== undefined) define(texts, name, value.toString());
  }
  return texts;
}

function onlyOne(value: IHeaders[string]): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  if (!Array.isArray(value)) return undefined;
  const buffers = value.filter((each) => Buffer.isBuffer(each));
  return buffers.length === 1 ? buffers[0] : undefined;
}

/** Also when it is named `__proto__`. */
function define(texts: Record<string, string>, name: string, value: string): void {
  if (name in texts)
    Object.defineProperty(texts, name, { value, enumerable: true, configurable: true, writable: true });
  else texts[name] = value;
}
