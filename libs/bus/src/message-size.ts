import { Buffer } from 'node:buffer';
import type { OutgoingMessage } from './bus.js';

/** The largest message a bus takes, in bytes of key, value and headers together: the `max.message.bytes` of our topics. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Bytes of key, value and headers; what the wire adds per record is not counted. */
export function sizeOf(message: OutgoingMessage): number {
  let bytes = Buffer.byteLength(message.key) + message.value.byteLength;
  if (message.headers !== undefined) {
    for (const [name, value] of Object.entries(message.headers)) {
      bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    }
  }
  return bytes;
}
