import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { WorkerHealth } from './create-worker.js';

/**
 * Answers `GET /health/live` with 200, and `GET /health/ready` with 200 or 503 and the reason, for the probes of an
 * orchestrated deployment. Resolves when it listens; rejects when the port is taken.
 */
export async function serveHealth(port: number, health: () => WorkerHealth): Promise<Server> {
  const server = createServer((request, response) => {
    const now = health();
    const status =
      request.url === '/health/live' ? 200 : request.url === '/health/ready' ? (now.ready ? 200 : 503) : 404;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(now));
  });
  server.listen(port);
  await once(server, 'listening');
  server.unref();
  return server;
}
