import { Buffer } from 'node:buffer';

/**
 * The partition of a key: murmur2 over its UTF-8 bytes, the sign bit cleared, modulo the number of partitions. Java's
 * clients and kafkajs choose the same one, so that keys of foreign producers land where ours do.
 */
export function partitionFor(key: string, partitions: number): number {
  return ((murmur2OfAscii(key) ?? murmur2(Buffer.from(key))) & 0x7fffffff) % partitions;
}

/** Without a copy of the key, which is nearly always a uuid; undefined when a character has more than one byte. */
function murmur2OfAscii(key: string): number | undefined {
  const { length } = key;
  let hash = SEED ^ length;
  let seen = 0;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    const a = key.charCodeAt(at);
    const b = key.charCodeAt(at + 1);
    const c = key.charCodeAt(at + 2);
    const d = key.charCodeAt(at + 3);
    seen |= a | b | c | d;
    let word = Math.imul(a | (b << 8) | (c << 16) | (d << 24), M);
    word = Math.imul(word ^ (word >>> 24), M);
    hash = Math.imul(hash, M) ^ word;
  }
  if (at < length) {
    for (let i = length - 1; i >= at; i -= 1) {
      const code = key.charCodeAt(i);
      seen |= code;
      hash ^= code << (8 * (i - at));
    }
    hash = Math.imul(hash, M);
  }
  return seen > 0x7f ? undefined : finished(hash);
}

const M = 0x5bd1e995;
const SEED = 0x9747b28c;

/** The 32-bit murmur2 of Kafka's Java client, as a signed integer. */
export function murmur2(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = data.byteLength;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = Math.imul(view.getInt32(at, true), M);
    word = Math.imul(word ^ (word >>> 24), M);
    hash = Math.imul(hash, M) ^ word;
  }
  if (at < length) {
    for (let i = length - 1; i >= at; i--) hash ^= view.getUint8(i) << (8 * (i - at));
    hash = Math.imul(hash, M);
  }
  return finished(hash);
}

function finished(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 13), M);
  return mixed ^ (mixed >>> 15);
}
