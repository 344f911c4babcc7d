import { Buffer } from 'node:buffer';
import type { IHeaders } from 'kafkajs';

const NONE: Readonly<Record<string, string>> = Object.freeze({});

/**
 * The headers that occur once. kafkajs collects them into a plain object, so that a header named `constructor` comes as
 * an array with a function in it, and one that occurs twice as an array of both; of the latter we know nothing.
 */
export function headersOf(headers: IHeaders | undefined): Readonly<Record<string, string>> {
  if (headers === undefined) return NONE;
  const names = Object.keys(headers);
  if (names.length === 0) return NONE;
  const texts = names.flatMap((name): [string, string][] => {
    const values = [headers[name]].flat().filter((value) => Buffer.isBuffer(value));
    const [value] = values;
    return value !== undefined && values.length === 1 ? [[name, value.toString()]] : [];
  });
  return Object.fromEntries(texts);
}
