import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

const TRIES = 100;

/** Any free port of the loopback address. */
export async function freePort(): Promise<number> {
  return listenOnce(0, '127.0.0.1');
}

/** `port` if it is free, else the next one that is. */
export async function freePortFrom(port: number, host: string): Promise<number> {
  for (let candidate = port; candidate < port + TRIES && candidate <= 65_535; candidate += 1) {
    try {
      return await listenOnce(candidate, host);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    }
  }
  throw new Error(`no free port from ${port} on: set PORT to another one`);
}

async function listenOnce(port: number, host: string): Promise<number> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return bound;
}
