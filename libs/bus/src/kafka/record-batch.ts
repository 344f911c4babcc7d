import { Buffer } from 'node:buffer';
import type { OutgoingMessage } from '../bus.js';
import { crc32c } from './crc32c.js';

const LENGTH_AT = 8;
const MAGIC_AT = 16;
const CRC_AT = 17;
/** From here on the checksum counts. */
const ATTRIBUTES_AT = 21;
const LAST_DELTA_AT = 23;
const FIRST_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const COUNT_AT = 57;
const RECORDS_AT = 61;

const MAGIC = 2;

/**
 * The messages as one record batch of Kafka (format 2): uncompressed, outside of transactions, all with the same
 * timestamp, in milliseconds of the epoch. The very bytes that kafkajs makes, for a sixth of the work: it makes an
 * encoder and several arrays for each record and each header.
 */
export function encodeBatch(messages: readonly OutgoingMessage[], timestamp: number): Buffer {
  const records = messages.map(measured);
  const size = records.reduce((sum, { body }) => sum + sizeOfVarint(body) + body, RECORDS_AT);
  const batch = Buffer.allocUnsafe(size).fill(0, 0, RECORDS_AT);
  batch.writeInt32BE(size - LENGTH_AT - 4, LENGTH_AT);
  batch.writeInt8(MAGIC, MAGIC_AT);
  batch.writeInt32BE(records.length - 1, LAST_DELTA_AT);
  batch.writeBigInt64BE(BigInt(timestamp), FIRST_TIMESTAMP_AT);
  batch.writeBigInt64BE(BigInt(timestamp), MAX_TIMESTAMP_AT);
  batch.writeBigInt64BE(-1n, PRODUCER_ID_AT);
  batch.writeInt32BE(records.length, COUNT_AT);
  let at = RECORDS_AT;
  for (const record of records) at = writeRecord(batch, at, record);
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), CRC_AT);
  return batch;
}

interface Measured {
  readonly message: OutgoingMessage;
  /** Its place in the batch. */
  readonly delta: number;
  readonly headers: Buffer;
  readonly keySize: number;
  /** Bytes of the record behind its length. */
  readonly body: number;
}

function measured(message: OutgoingMessage, delta: number): Measured {
  const { key, value } = message;
  const headers = encodedHeaders(message);
  const keySize = Buffer.byteLength(key);
  const body =
    2 + // attributes and the time since the batch's
    sizeOfVarint(delta) +
    sizeOfVarint(keySize) +
    keySize +
    sizeOfVarint(value.length) +
    value.length +
    headers.length;
  return { message, delta, headers, keySize, body };
}

function writeRecord(batch: Buffer, from: number, record: Measured): number {
  const { message, delta, headers, keySize, body } = record;
  let at = writeVarint(batch, from, body);
  batch[at++] = 0;
  batch[at++] = 0;
  at = writeVarint(batch, at, delta);
  at = writeVarint(batch, at, keySize);
  at += batch.write(message.key, at);
  at = writeVarint(batch, at, message.value.length);
  batch.set(message.value, at);
  at += message.value.length;
  batch.set(headers, at);
  return at + headers.length;
}

/** By their object: nearly all messages have the very same. */
const encoded = new WeakMap<object, Buffer>();
const NO_HEADERS = Buffer.from([0]);

function encodedHeaders({ headers }: OutgoingMessage): Buffer {
  if (headers === undefined) return NO_HEADERS;
  let buffer = encoded.get(headers);
  if (buffer === undefined) {
    buffer = encodeHeaders(Object.entries(headers));
    if (Object.isFrozen(headers)) encoded.set(headers, buffer);
  }
  return buffer;
}

function encodeHeaders(headers: readonly [name: string, value: string][]): Buffer {
  const texts = headers.flat();
  const size = texts.reduce((sum, text) => {
    const length = Buffer.byteLength(text);
    return sum + sizeOfVarint(length) + length;
  }, sizeOfVarint(headers.length));
  const buffer = Buffer.allocUnsafe(size);
  let at = writeVarint(buffer, 0, headers.length);
  for (const text of texts) {
    at = writeVarint(buffer, at, Buffer.byteLength(text));
    at += buffer.write(text, at);
  }
  return buffer;
}

/** Kafka's numbers take seven bits a byte, after the sign was moved to the lowest bit; ours are never negative. */
function writeVarint(buffer: Buffer, from: number, value: number): number {
  let at = from;
  let left = value * 2;
  for (; left > 0x7f; left >>>= 7) buffer[at++] = (left & 0x7f) | 0x80;
  buffer[at++] = left;
  return at;
}

function sizeOfVarint(value: number): number {
  let size = 1;
  for (let left = value * 2; left > 0x7f; left >>>= 7) size++;
  return size;
}
