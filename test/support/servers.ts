import { join } from 'node:path';
import { startSharedKafka } from './kafka.js';
import { reachedFrom } from './needs.js';
import { startPostgres } from './postgres.js';

const here = import.meta.dirname;
const specFolders = [join(here, '..', 'integration'), join(here, '..', 'e2e')];
let closers: (() => Promise<void>)[] = [];

/**
 * Starts, side by side, the servers that the selected spec files need, and puts their addresses into the environment
 * that the tests see. A spec needs a server when it imports that server's module from this folder, directly or through
 * a relative import: a run of Postgres tests does not wait for Kafka.
 */
export async function startServers(patterns: readonly string[]): Promise<void> {
  const expressions = patterns.map((pattern) => new RegExp(pattern, 'i'));
  const selected = (path: string) =>
    expressions.length === 0 || expressions.some((expression) => expression.test(path));
  const reached = await reachedFrom(specFolders, selected);
  const starts: Promise<void>[] = [];
  if (reached.has(join(here, 'postgres.ts'))) {
    starts.push(share('COUNTERSTEP_TEST_DATABASE_URL', startPostgres(), (server) => server.url));
  }
  if (reached.has(join(here, 'kafka.ts'))) {
    starts.push(share('COUNTERSTEP_TEST_KAFKA_BROKERS', startSharedKafka(), (server) => server.brokers));
  }
  const failure = (await Promise.allSettled(starts)).find((start) => start.status === 'rejected');
  if (!failure) return;
  await stopServers();
  throw failure.reason;
}

export async function stopServers(): Promise<void> {
  const closing = closers.map((close) => close());
  closers = [];
  await Promise.all(closing);
}

async function share<S extends { close(): Promise<void> }>(
  name: string,
  starting: Promise<S>,
  address: (server: S) => string,
): Promise<void> {
  const server = await starting;
  closers.push(() => server.close());
  process.env[name] = address(server);
}
