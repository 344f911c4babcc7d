import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { freePort } from '../support/free-port.js';
import { waitFor } from '../support/wait-for.js';
import { OrchestratorProcess } from './support/system.js';

jest.setTimeout(60_000);

let app: OrchestratorProcess | undefined;
let nobody: string;

beforeEach(async () => {
  nobody = `127.0.0.1:${await freePort()}`;
});

afterEach(async () => {
  await app?.end('SIGKILL');
  app = undefined;
});

const start = async (env: Readonly<Record<string, string>> = {}): Promise<OrchestratorProcess> => {
  app = new OrchestratorProcess(await freePort(), {
    DATABASE_URL: `postgres://nobody:secret@${nobody}/none`,
    KAFKA_BROKERS: nobody,
    ...env,
  });
  return app;
};

const textOf = ({ lines }: OrchestratorProcess): string => lines.join('\n');

test('without its servers it lives, says in JSON what it waits for, answers starts with 503, and ends at SIGTERM', async () => {
  const orchestrator = await start();
  await waitFor(async () => (await orchestrator.request('GET', '/health/live')).status === 200, {
    what: 'it listens',
    timeoutMs: 30_000,
  });
  await waitFor(() => textOf(orchestrator).includes('waiting for the database'), { what: 'it says so' });
  for (const line of orchestrator.lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
  expect(await orchestrator.request('GET', '/health/ready')).toMatchObject({
    status: 503,
    body: { reasons: ['the database cannot be reached or migrated'] },
  });
  const body = { workflow: 'order', input: { orderId: 'o-1', items: [{ sku: 'book', quantity: 1 }] } };
  expect((await orchestrator.request('POST', '/api/v1/sagas', body)).status).toBe(503);
  expect(textOf(orchestrator)).not.toContain('secret');
  await orchestrator.end('SIGTERM');
  expect(orchestrator.ending).toBe(0);
});

test('it refuses to start without the variables that it needs, naming all of them', async () => {
  const orchestrator = await start({ DATABASE_URL: '', KAFKA_BROKERS: 'nowhere', PARTITIONS: '0' });
  await orchestrator.whenGone();
  expect(orchestrator.ending).toBe(1);
  expect(textOf(orchestrator)).toMatch(/DATABASE_URL: is not set.*KAFKA_BROKERS: host:port.*PARTITIONS: /s);
});

test('a bad workflow module stops the boot with its name and the reason', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'counterstep-workflows-'));
  const file = join(folder, 'empty.mjs');
  await writeFile(file, 'export const answer = 42;');
  const orchestrator = await start({ WORKFLOWS: folder });
  await orchestrator.whenGone();
  expect(orchestrator.ending).toBe(1);
  expect(textOf(orchestrator)).toContain(`workflow module ${file}: Error: exports no workflow`);
  await rm(folder, { recursive: true });
});
