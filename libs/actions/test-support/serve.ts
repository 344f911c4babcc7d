import type { AddressInfo } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { json } from 'node:stream/consumers';
import { BackendError, refusal } from '../src/backend/errors.js';

/** What the server does for one kind of request: a part of the path that is `*` is handed over. */
export interface Route {
  readonly method: string;
  readonly path: readonly string[];
  /** Resolves with what becomes the JSON of the answer, or with bytes; undefined: 204. */
  handle(parts: readonly string[], body: unknown, query: URLSearchParams): Promise<unknown>;
}

export const route = (method: string, path: string, handle: Route['handle']): Route => ({
  method,
  path: path.split('/'),
  handle,
});

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export interface Served {
  readonly url: string;
  /** Every request so far. */
  readonly asked: readonly Asked[];
  /** Looks at a request before its route does; true: it has seen to the answer itself. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** A real server on loopback. */
export async function serve(routes: readonly Route[]): Promise<Served> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    asked.push({ method: request.method ?? '', path: url.pathname, headers: request.headers });
    void answer(request, response, url).catch((thrown: unknown) => {
      if (!response.headersSent) {
        const error = thrown instanceof BackendError ? thrown : refusal(500, String(thrown));
        reply(response, error.status ?? 500, { reason: error.message });
      } else response.destroy();
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (await served.intercept(request, response)) return;
    const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const found = routes.find((one) => one.method === request.method && fits(one.path, parts));
    if (!found) throw refusal(404, `there is no ${request.method} ${url.pathname}`);
    const body = request.headers['content-type'] === undefined ? undefined : await json(request);
    const stars = parts.filter((_, index) => found.path[index] === '*');
    const result = await found.handle(stars, body, url.searchParams);
    if (result instanceof Readable) await pipeline(result, response);
    else reply(response, result === undefined ? 204 : 200, result);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const served: Served = {
    url: `http://127.0.0.1:${port}`,
    asked,
    intercept: () => false,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return served;
}

const fits = (path: readonly string[], parts: readonly string[]) =>
  path.length === parts.length && path.every((part, index) => part === '*' || part === parts[index]);

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
