import { createRequire } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import { gunzip, gzip } from 'node:zlib';
import { promisify } from 'node:util';
import kafkajs, { type ISocketFactoryArgs, type Kafka, type LogEntry, type SASLOptions } from 'kafkajs';
import type { BusLogger } from '../bus.js';
import { writePacked } from './produce-request.js';

/** How to reach the brokers. */
export interface KafkaConnection {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: tls.ConnectionOptions | boolean;
  readonly sasl?: SASLOptions;
  readonly logger: BusLogger;
}

/**
 * Makes fresh clients. Each producer, consumer and admin gets one of its own: consumers made by one client share their
 * committed offsets by group, and an abandoned instance must not reach into its successor.
 */
export function kafkaClients({ brokers, clientId, ssl, sasl, logger }: KafkaConnection): () => Kafka {
  stopIdleTimers();
  lightenEncoder();
  writePacked();
  boundGzip();
  const logs = routeLogs(logger);
  return () =>
    new kafkajs.Kafka({
      brokers: [...brokers],
      clientId,
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      socketFactory: openSocket,
      connectionTimeout: 3_000,
      requestTimeout: 15_000,
      // Low, because we retry ourselves: with fresh clients, and without end.
      retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 500 },
      logLevel: kafkajs.logLevel.WARN,
      logCreator: () => logs,
    });
}

/** Without Nagle's algorithm: it holds a request's last segment back for as long as the broker delays its ACK. */
export function openSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): net.Socket {
  const servername = net.isIP(host) === 0 ? { servername: host } : {};
  // kafkajs passes `true` through as well as options.
  const options = (ssl as unknown) === true ? {} : ssl;
  const socket = options
    ? tls.connect({ host, port, ...servername, ...options }, onConnect)
    : net.connect({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  return socket;
}

interface RequestQueue {
  pending: unknown[];
  scheduleCheckPendingRequests(): void;
}

const require = createRequire(import.meta.url);
const PATCHED = Symbol.for('counterstep.kafkajs.request-queue');

/** kafkajs re-arms a timer of 1 ms on every connection for ever; it is needed only while requests wait. */
export function stopIdleTimers(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue/index.js') as {
    prototype: RequestQueue & { [PATCHED]?: true };
  };
  if (prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}

interface Encoder {
  buf: Buffer;
  offset: number;
  ensureAvailable(length: number): void;
  writeUVarInt(value: number): Encoder;
}

const POOLED = Symbol.for('counterstep.kafkajs.encoder');
const FIRST_BYTES = 1_024;
const MAX_VARINT_BYTES = 5;

/**
 * kafkajs makes a zeroed buffer of half a kilobyte for each record and each level of a request, outside the pool, and a
 * second one when that is too small: more than a third of what it takes to encode a message. Here an encoder begins
 * with nothing and takes from the pool what it needs.
 */
export function lightenEncoder(): void {
  const Encoder = require('kafkajs/src/protocol/encoder.js') as {
    new (initialSize?: number): Encoder;
    prototype: Encoder;
    nextPowerOfTwo(value: number): number;
    [POOLED]?: true;
  };
  if (Encoder[POOLED]) return;
  Encoder[POOLED] = true;
  const { nextPowerOfTwo } = Encoder;
  // What the constructor asks for, and nobody else but `ensureAvailable`.
  Encoder.nextPowerOfTwo = () => 0;
  Encoder.prototype.ensureAvailable = function (this: Encoder, length: number): void {
    const needed = this.offset + length;
    if (needed <= this.buf.length) return;
    const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, nextPowerOfTwo(needed)));
    this.buf.copy(larger, 0, 0, this.offset);
    this.buf = larger;
  };
  // Straight into the buffer; kafkajs makes an array and a buffer of each number.
  Encoder.prototype.writeUVarInt = function (this: Encoder, value: number): Encoder {
    this.ensureAvailable(MAX_VARINT_BYTES);
    let left = value;
    for (; (left & ~0x7f) !== 0; left >>>= 7) this.buf[this.offset++] = (left & 0x7f) | 0x80;
    this.buf[this.offset++] = left;
    return this;
  };
}

const MAX_UNZIPPED_BYTES = 64 * 1024 * 1024;
const zip = promisify(gzip);
const unzip = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

/** kafkajs unpacks gzip without a limit: a batch of 1 MiB can hold gigabytes. */
function boundGzip(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => zip(buffer),
    decompress: (buffer: Buffer) => unzip(buffer, { maxOutputLength: MAX_UNZIPPED_BYTES }),
  });
}

const SAME_LINE_MS = 10_000;

/**
 * kafkajs logs routine (a rebalance, a coordinator that is still loading) as errors and repeats itself at each try; so
 * all of it is a warning here, and the same line comes once in ten seconds, with the number of those left out.
 */
export function routeLogs(logger: BusLogger, now: () => number = Date.now): (entry: LogEntry) => void {
  const lines = new Map<string, { at: number; left: number }>();
  return ({
    namespace,
    log: { message, logger: _logger, timestamp: _timestamp, stack: _stack, ...facts },
  }) => {
    const line = `${namespace} ${message}`;
    const last = lines.get(line);
    if (last !== undefined && now() - last.at < SAME_LINE_MS) {
      last.left++;
      return;
    }
    if (lines.size >= 200) lines.clear();
    lines.set(line, { at: now(), left: 0 });
    const left = last?.left ?? 0;
    logger.warn(`kafkajs: ${message}`, {
      ...(left > 0 ? { repeated: left } : {}),
      namespace,
      ...plain(facts),
    });
  };
}

/** Only what prints: kafkajs puts whole errors and payloads among its facts. */
function plain(facts: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)),
  );
}
