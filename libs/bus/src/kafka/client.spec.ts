import { createRequire } from 'node:module';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import kafkajs, { type LogEntry } from 'kafkajs';
import type { BusLogger } from '../bus.js';
import { kafkaClients, openSocket, routeLogs } from './client.js';

const require = createRequire(import.meta.url);
const none = (): void => undefined;
const quiet: BusLogger = { debug: none, info: none, warn: none, error: none };

interface Queue {
  maxInFlightRequests: number | null;
  throttleCheckTimeoutId: unknown;
  push(request: object): void;
  fulfillRequest(answer: object): void;
  maybeThrottle(ms: number): void;
  destroy(): void;
}

function queue(maxInFlightRequests: number | null = null): Queue {
  const RequestQueue = require('kafkajs/src/network/requestQueue/index.js') as new (options: object) => Queue;
  const logger = { debug: none, warn: none };
  return new RequestQueue({ maxInFlightRequests, requestTimeout: 1_000, clientId: 'c', broker: 'b', logger });
}

interface Encoder {
  readonly buf: Buffer;
  readonly buffer: Buffer;
  writeInt8(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeBytes(value: Buffer): Encoder;
  writeUVarInt(value: number): Encoder;
  writeVarInt(value: number): Encoder;
}

function encoder(): Encoder {
  return new (require('kafkajs/src/protocol/encoder.js') as new () => Encoder)();
}

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

const request = (correlationId: number, sent: number[] = []): object => ({
  entry: { correlationId, apiKey: 0, apiName: 'x', apiVersion: 0, resolve: none, reject: none },
  expectResponse: true,
  sendRequest: () => sent.push(correlationId),
});

describe('a client of kafkajs', () => {
  test('leaves no timer behind when no request waits', () => {
    kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet });
    const idle = queue();
    open.push(() => idle.destroy());
    idle.push(request(1));
    idle.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
    expect(idle.throttleCheckTimeoutId).toBeNull();
  });

  test('encodes into pooled buffers, and only when there is something to encode', () => {
    kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet });
    expect(encoder().buf).toHaveLength(0);
    expect(encoder().buffer).toHaveLength(0);
    expect(encoder().writeInt8(1).buf.buffer.byteLength).toBe(Buffer.poolSize);
  });

  test.each([0, 1, 1_015, 1_016, 1_017, 5_000, 100_000])(
    'encodes %i bytes whole, whatever the buffers held before',
    (size) => {
      kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet });
      const bytes = Buffer.alloc(size, 'abc');
      const length = Buffer.from([size >>> 24, size >>> 16, size >>> 8, size]);
      const { buffer } = encoder().writeInt32(7).writeBytes(bytes).writeInt8(9);
      expect(buffer.equals(Buffer.concat([Buffer.from([0, 0, 0, 7]), length, bytes, Buffer.from([9])]))).toBe(
        true,
      );
    },
  );

  test.each([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 1]],
    [300, [0xac, 2]],
    [2_097_151, [0xff, 0xff, 0x7f]],
    [0xffff_ffff, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('encodes the number %i in as few bytes as it needs', (number, bytes) => {
    kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet });
    expect([...encoder().writeUVarInt(number).buffer]).toEqual(bytes);
  });

  test.each([
    [-1, [1]],
    [1, [2]],
    [-2_147_483_648, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('encodes the signed number %i', (number, bytes) => {
    kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet });
    expect([...encoder().writeVarInt(number).buffer]).toEqual(bytes);
  });

  test('still sends what waited while the broker throttled it', async () => {
    kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet });
    const throttled = queue();
    open.push(() => throttled.destroy());
    const sent: number[] = [];
    throttled.maybeThrottle(20);
    throttled.push(request(1, sent));
    expect(sent).toEqual([]);
    expect(throttled.throttleCheckTimeoutId).not.toBeNull();
    while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  });

  test("opens sockets without Nagle's algorithm", async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    open.push(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as net.AddressInfo;
    const socket = await new Promise<net.Socket>((resolve) => {
      const opened: net.Socket = openSocket({
        host: '127.0.0.1',
        port,
        ssl: undefined as never,
        onConnect: () => resolve(opened),
      });
    });
    open.push(() => socket.destroy());
    const noDelay = Object.getOwnPropertySymbols(socket).find(
      ({ description }) => description === 'kSetNoDelay',
    );
    expect(noDelay && (socket as unknown as Record<symbol, unknown>)[noDelay]).toBe(true);
  });

  test('unpacks gzip, but not without a limit', async () => {
    kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet });
    const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP]?.() as {
      decompress(buffer: Buffer): Promise<Buffer>;
    };
    expect(String(await codec.decompress(gzipSync('hello')))).toBe('hello');
    const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024));
    await expect(codec.decompress(bomb)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
  });

  test('logs a repeated line once in ten seconds, as a warning, with the number left out', () => {
    const lines: [string, unknown][] = [];
    let now = 0;
    const log = routeLogs({ ...quiet, warn: (text, facts) => lines.push([text, facts]) }, () => now);
    const entry: LogEntry = {
      namespace: 'Connection',
      level: kafkajs.logLevel.ERROR,
      label: 'ERROR',
      log: { message: 'refused', timestamp: 'x', broker: 'b:1', stack: 'long', payload: { secret: 1 } },
    };
    log(entry);
    now = 9_000;
    log(entry);
    log(entry);
    now = 11_000;
    log(entry);
    expect(lines).toEqual([
      ['kafkajs: refused', { namespace: 'Connection', broker: 'b:1' }],
      ['kafkajs: refused', { namespace: 'Connection', broker: 'b:1', repeated: 2 }],
    ]);
  });
});

test('a client gives up after its third try: whoever asks tries again, with a new client', async () => {
  const tries = jest.spyOn(net, 'connect');
  try {
    const client = kafkaClients({ brokers: ['127.0.0.1:1'], clientId: 'c', logger: quiet })();
    await expect(client.admin().connect()).rejects.toThrow('ECONNREFUSED');
    expect(tries).toHaveBeenCalledTimes(3);
  } finally {
    tries.mockRestore();
  }
});
