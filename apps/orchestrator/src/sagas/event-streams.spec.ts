import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger, type SagaUpdate } from '@counterstep/engine';
import { EventStreams } from './event-streams.js';

const PATIENCE_MS = 300;
const BIG = 'x'.repeat(64_000);

describe('a stream of events', () => {
  let server: Server;
  let streams: EventStreams;
  /** How many updates were asked for, and how the last `send` ended. */
  let asked: number;
  let returned: boolean;
  let outcomes: unknown[];
  let most: number;
  const clients: Socket[] = [];

  beforeEach(async () => {
    [asked, returned, outcomes, most] = [0, false, [], Infinity];
    streams = new EventStreams(silentLogger, { patienceMs: PATIENCE_MS, heartbeatMs: 10 });
    server = createServer((_, response) => {
      streams.send(response, updates).then(
        () => outcomes.push('sent'),
        (error: unknown) => {
          outcomes.push(error);
          response.destroy();
        },
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    server.close();
    await once(server, 'close');
  });

  async function* updates(signal: AbortSignal): AsyncGenerator<SagaUpdate, void> {
    try {
      while (asked < most) {
        if (signal.aborted) return;
        asked += 1;
        const sagaId = `${asked} ${BIG}`;
        yield { type: 'end', sagaId, state: 'completed' };
        await new Promise(setImmediate);
      }
    } finally {
      returned = true;
    }
  }
  /** Has asked, and does not read. */
  const client = async (): Promise<Socket> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    clients.push(socket);
    socket.on('error', () => undefined);
    socket.pause();
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return socket;
  };
  const until = async (fact: () => boolean): Promise<void> => {
    for (const end = performance.now() + 20_000; !fact(); await delay(5))
      if (performance.now() > end) throw new Error('waited for too long');
  };

  test('asks for no more than its client reads, and drops one that does not for too long', async () => {
    const began = performance.now();
    const socket = await client();
    await until(() => outcomes.length > 0);
    expect(performance.now() - began).toBeGreaterThan(PATIENCE_MS);
    expect(returned).toBe(true);
    // What the sockets of both sides hold, and one event.
    expect(asked * BIG.length).toBeLessThan(256 * 1024 * 1024);
    let end: 'end' | 'broken' | undefined;
    let text = '';
    socket.on('end', () => (end ??= 'end'));
    socket.on('close', () => (end ??= 'broken'));
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    socket.resume();
    await until(() => end !== undefined);
    // Not by the last chunk of a whole answer.
    expect(text.endsWith('0\r\n\r\n')).toBe(false);
  });

  test('goes on when its client reads again', async () => {
    most = 400;
    const socket = await client();
    let before = -1;
    await until(() => {
      const isStill = asked > 0 && asked === before;
      before = asked;
      return isStill;
    });
    expect(asked).toBeLessThan(most);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.resume();
    await until(() => outcomes.length > 0);
    expect([asked, outcomes]).toEqual([most, ['sent']]);
    await until(() => bytes > most * BIG.length);
  });

  test('stops when its client goes, or the app closes, also for one that does not read', async () => {
    const gone = await client();
    await until(() => asked > 0);
    gone.destroy();
    await until(() => outcomes.length === 1);
    expect(returned).toBe(true);
    [asked, returned] = [0, false];
    await client();
    await until(() => asked > 3);
    await streams.onModuleDestroy();
    expect([returned, outcomes]).toEqual([true, ['sent', 'sent']]);
  });

  test('has written nothing when the first update is an error', async () => {
    const failed = new EventStreams(silentLogger);
    let headersSent: boolean | undefined;
    server.removeAllListeners('request');
    server.on('request', (_, response) => {
      async function* none(): AsyncGenerator<SagaUpdate, void> {
        yield await Promise.reject<SagaUpdate>(new Error('no such saga'));
      }
      failed.send(response, none).catch((error: unknown) => {
        outcomes.push(error);
        headersSent = response.headersSent;
        response.end();
      });
    });
    await client();
    await until(() => outcomes.length > 0);
    expect([headersSent, outcomes]).toEqual([false, [new Error('no such saga')]]);
  });
});
