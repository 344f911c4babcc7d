import { Buffer } from 'node:buffer';
import type { OutgoingMessage } from './bus.js';

/** By their object: nearly all messages have the very same. */
const sizes = new WeakMap<object, number>();

/** Bytes of key, value and headers; what the wire adds per record is not counted. */
export function sizeOf({ key, value, headers }: OutgoingMessage): number {
  return Buffer.byteLength(key) + value.byteLength + (headers ? sizeOfHeaders(headers) : 0);
}

function sizeOfHeaders(headers: Readonly<Record<string, string>>): number {
  let bytes = Object.isFrozen(headers) ? sizes.get(headers) : undefined;
  if (bytes !== undefined) return bytes;
  bytes = 0;
  for (const [name, value] of Object.entries(headers))
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  sizes.set(headers, bytes);
  return bytes;
}
