import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import type { Served } from '../../test-support/serve.js';
import { route, serve } from '../../test-support/serve.js';
import { HttpConnection, type HttpBackendOptions, type HttpRequest } from './http-connection.js';

let server: Served;
beforeEach(async () => {
  server = await serve([
    route('GET', 'things/*', async ([id], _body, query) => ({ id, page: query.get('page') })),
    route('PUT', 'things/*', async ([id], body) => ({ id, body })),
    route('POST', 'things', async () => ({ id: 'new' })),
    route('DELETE', 'things/*', async () => undefined),
  ]);
});
afterEach(() => server.close());

const connection = (options: Partial<HttpBackendOptions> = {}) =>
  new HttpConnection({ baseUrl: server.url, firstDelayMs: 1, ...options });
const get: HttpRequest = { method: 'GET', path: ['things', 1] };
const thing = z.object({ id: z.string() });

/** Lets the first requests end in this way. */
function first(times: number, end: (response: ServerResponse) => void): void {
  server.intercept = (_request, response) => {
    if (server.asked.length > times) return false;
    end(response);
    return true;
  };
}
const answer =
  (status: number, body = '') =>
  (response: ServerResponse) =>
    response.writeHead(status).end(body);

describe('a request', () => {
  test('has the token, the path with each part encoded, the query and the body', async () => {
    const http = connection({ token: 'secret', baseUrl: `${server.url}//` });
    expect(await http.json({ ...get, path: ['things', 'a/b ?#é'], query: { page: 2 } }, z.json())).toEqual({
      id: 'a/b ?#é',
      page: '2',
    });
    const put: HttpRequest = { method: 'PUT', path: ['things', 2], body: { text: 'ü' } };
    expect(await http.json(put, z.json())).toEqual({ id: '2', body: { text: 'ü' } });
    await http.send({ method: 'DELETE', path: ['things', 3] });
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer secret'));
    expect(server.asked.map(({ path }) => path)).toEqual([
      '/things/a%2Fb%20%3F%23%C3%A9',
      '/things/2',
      '/things/3',
    ]);
  });

  test.each([undefined, '', 'nope', 'data.example/api', 'ftp://data.example', 'https://'])(
    'is not even made below %j, which is no base URL',
    (baseUrl) => {
      const make = () => new HttpConnection({ baseUrl } as HttpBackendOptions);
      expect(make).toThrow(expect.objectContaining({ code: 'BACKEND_REFUSED', retryable: false }));
      expect(make).toThrow(/^baseUrl must be a URL such as https:/);
    },
  );

  test('does not leave its path by an id that is . or ..', async () => {
    for (const id of ['.', '..']) {
      const refused = { code: 'BACKEND_REFUSED', retryable: false };
      await expect(connection().send({ method: 'DELETE', path: ['things', id] })).rejects.toMatchObject(
        refused,
      );
    }
    expect(server.asked).toEqual([]);
  });

  test('has no token unless one is given', async () => {
    await connection().json(get, thing);
    expect(server.asked[0]?.headers.authorization).toBeUndefined();
  });

  test.each([500, 502, 503, 429, 408, 425])('that is answered with %d is repeated', async (status) => {
    first(2, answer(status, '{"reason":"not now"}'));
    expect(await connection().json(get, thing)).toEqual({ id: '1' });
    expect(server.asked).toHaveLength(3);
  });

  test('that is not answered is repeated: GET, PUT and DELETE, but not POST', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'POST'] as const) {
      first(server.asked.length + 1, (response) => response.destroy());
      const before = server.asked.length;
      const path = method === 'POST' ? ['things'] : ['things', 1];
      const sending = connection().send({ method, path });
      if (method === 'POST') {
        await expect(sending).rejects.toMatchObject({ code: 'BACKEND_UNREACHABLE', retryable: true });
      } else await sending;
      expect([method, server.asked.length - before]).toEqual([method, method === 'POST' ? 1 : 2]);
    }
  });

  test('whose answer breaks off is repeated', async () => {
    first(1, (response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"id":');
      setImmediate(() => response.destroy());
    });
    expect(await connection().json(get, thing)).toEqual({ id: '1' });
  });

  test('is given up after the last repetition, with the status and the reason', async () => {
    first(99, answer(503, '{"reason":"we are moving"}'));
    await expect(connection({ retries: 2 }).json(get, thing)).rejects.toMatchObject({
      name: 'BackendError',
      code: 'BACKEND_FAILED',
      status: 503,
      retryable: true,
      message: 'GET things/1: 503, we are moving',
    });
    expect(server.asked).toHaveLength(3);
  });

  test('that is refused is not repeated, and says why, in whatever words', async () => {
    const reasons = {
      '{"reason":"no such thing"}': 'no such thing',
      'Gone fishing': 'Gone fishing',
      '': 'Forbidden',
    };
    for (const [body, reason] of Object.entries(reasons)) {
      first(99, answer(403, body));
      await expect(connection().json(get, thing)).rejects.toMatchObject({
        code: 'BACKEND_REFUSED',
        status: 403,
        retryable: false,
        message: `GET things/1: 403, ${reason}`,
      });
    }
    expect(server.asked).toHaveLength(3);
  });

  test('that is answered with something else than the form says so, and is not repeated', async () => {
    for (const body of ['{"id":7}', 'no json', '']) {
      first(99, answer(200, body));
      await expect(connection().json(get, thing)).rejects.toMatchObject({
        code: 'BACKEND_BAD_ANSWER',
        status: 200,
        retryable: false,
      });
    }
    expect(server.asked).toHaveLength(3);
  });

  test('that is not answered in time is repeated, and then says so', async () => {
    first(2, () => {});
    await expect(connection({ timeoutMs: 50, retries: 1 }).json(get, thing)).rejects.toMatchObject({
      code: 'BACKEND_UNREACHABLE',
      message: 'GET things/1: no answer within 50 ms',
    });
    expect(await connection({ timeoutMs: 10_000 }).json(get, thing)).toEqual({ id: '1' });
  });

  test('ends at once with the reason of its signal, also between two repetitions', async () => {
    const stop = new AbortController();
    first(99, (response) => {
      response.writeHead(500).end();
      // It waits for a minute, or for this.
      setImmediate(() => stop.abort(new Error('nobody waits')));
    });
    const http = connection({ firstDelayMs: 60_000, retries: 20 });
    await expect(http.json({ ...get, signal: stop.signal }, thing)).rejects.toThrow('nobody waits');
    await expect(http.json({ ...get, signal: stop.signal }, thing)).rejects.toThrow('nobody waits');
    expect(server.asked).toHaveLength(1);
  });

  test('does not follow a redirection, which would get the token', async () => {
    const other = await serve([route('GET', 'things/*', async () => ({ id: 'stolen' }))]);
    try {
      first(99, (response) => response.writeHead(307, { location: `${other.url}/things/1` }).end());
      await expect(connection({ retries: 0, token: 'secret' }).json(get, thing)).rejects.toThrow(/redirect/);
      expect(other.asked).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test('to nobody says that the connection was refused', async () => {
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    await once(nobody, 'close');
    const http = connection({ baseUrl: `http://127.0.0.1:${port}`, retries: 0 });
    await expect(http.json(get, thing)).rejects.toMatchObject({
      code: 'BACKEND_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('for bytes gives them as they come', async () => {
    first(99, (response) => {
      response.writeHead(200);
      response.write(Buffer.from([0, 1]));
      setImmediate(() => response.end(Buffer.from([255])));
    });
    expect([...(await buffer(await connection().bytes(get)))]).toEqual([0, 1, 255]);
  });
});
