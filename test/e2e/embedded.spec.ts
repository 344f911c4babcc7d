import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { sagaPageSchema, startedSchema } from '@counterstep/protocol';
import { freePort } from '../support/free-port.js';
import { endProcess, guard, type Guard } from '../support/guard.js';
import { waitFor } from '../support/wait-for.js';
import { Launcher } from './support/launcher.js';

// The first of them builds what has changed.
jest.setTimeout(120_000);

let folder: string;
let port: number;
let watch: Guard;
let launchers: Launcher[];
let mark: string;

const launch = (env?: Readonly<Record<string, string>>): Launcher => {
  const launcher = new Launcher(folder, port, env);
  launchers.push(launcher);
  return launcher;
};

beforeEach(async () => {
  launchers = [];
  port = await freePort();
  folder = await mkdtemp(join(tmpdir(), 'counterstep-embedded-'));
  // As root the server runs as another user, who must be able to enter.
  await chmod(folder, 0o755);
  mark = join(folder, 'postgres', 'postmaster.pid');
  watch = guard(endProcess(mark, 'INT'));
});

afterEach(async () => {
  for (const launcher of launchers) await launcher.end('SIGTERM');
  await watch.release();
  await rm(folder, { recursive: true, force: true });
});

const isPostgresGone = async (): Promise<boolean> => (await readFile(mark, 'utf8').catch(() => '')) === '';

test('the first start shows orders that complete and orders that are undone, and the commands it prints work', async () => {
  const launcher = await launch().welcomed();
  const orders = launcher.lines.filter((line) => /^ {2}(completed|compensated) /.test(line));
  expect(orders).toEqual([
    '  completed    a book',
    '  completed    two lamps',
    '  compensated  a coat, the card is declined (CARD_DECLINED at charge; undone: reserve)',
    '  compensated  a yacht, over the credit limit (CARD_DECLINED at charge; undone: reserve)',
    '  compensated  a piano, to an address that does not exist (UNDELIVERABLE at ship; undone: ship, charge, reserve)',
    '  completed    a chair, by a carrier that fails twice',
    '  completed    a ticket, collected by the customer',
  ]);
  const commands = launcher.lines.filter((line) => line.startsWith('  curl '));
  expect(commands).toHaveLength(3);
  for (const command of commands) {
    const [, url = ''] = /'?(http:[^\s']+)/.exec(command) ?? [];
    const [, body] = /-d '(.*)'/.exec(command) ?? [];
    const init =
      body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } };
    expect({ command, isOk: (await fetch(url, init)).ok }).toEqual({ command, isOk: true });
  }
  expect((await launcher.api.get('/health/ready')).status).toBe(200);
  expect((await launcher.api.get('/api/docs')).status).toBe(200);
  await launcher.end('SIGTERM');
  expect(launcher.ending).toBe(0);
  expect(await isPostgresGone()).toBe(true);
});

test('after kill -9 the sagas go on at the next start, and the demo orders are not ordered again', async () => {
  const first = await launch().welcomed();
  const input = { orderId: 'mine', address: 'slow', items: [{ sku: 'book', quantity: 1 }] };
  const { sagaId } = startedSchema.parse(
    (await first.api.post('/api/v1/sagas', { workflow: 'order', input })).body,
  );
  await waitFor(async () => (await first.saga(sagaId)).currentStep === 'ship', {
    what: 'the order is shipped',
  });
  await first.end('SIGKILL');
  expect(await isPostgresGone()).toBe(false);

  const second = await launch().welcomed();
  await waitFor(async () => (await second.saga(sagaId)).state === 'completed', {
    what: 'the order completes',
    timeoutMs: 30_000,
  });
  const { items } = sagaPageSchema.parse((await second.api.get('/api/v1/sagas')).body);
  expect(items).toHaveLength(8);
});

test('a server that was killed too, and whose process id another process has got, does not stop the next start', async () => {
  const first = await launch().welcomed();
  await first.end('SIGTERM');
  // This process stands for the one that has got the id.
  await writeFile(
    mark,
    [process.pid, join(folder, 'postgres'), '0', String(await freePort()), ''].join('\n'),
  );
  const second = await launch().welcomed();
  expect((await second.api.get('/health/ready')).status).toBe(200);
});

test('a taken port is told, and the next free one used', async () => {
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  try {
    const launcher = await launch().welcomed();
    expect(launcher.text).toContain(`port ${port} is taken: using `);
    expect(Number(new URL(launcher.api.url).port)).toBeGreaterThan(port);
  } finally {
    other.close();
  }
});

test('a folder that is in use by another process is refused', async () => {
  await launch().welcomed();
  const second = launch();
  await second.whenGone();
  expect(second.ending).toBe(1);
  expect(second.text).toContain(`${folder} is in use by another process`);
});

test('workflows of the user are served, with those sample workers that they need', async () => {
  const launcher = await launch({ WORKFLOWS: 'test/e2e/versions/parcel-1.mjs' }).welcomed();
  expect(launcher.text).toContain('Counterstep runs: orchestrator in this process');
  const { sagaId } = startedSchema.parse(
    (await launcher.api.post('/api/v1/sagas', { workflow: 'parcel', input: {} })).body,
  );
  expect(await launcher.saga(sagaId)).toMatchObject({ state: 'running', currentStep: 'pick' });
});

test('a bad workflow module and a bad variable stop the start, each named', async () => {
  const file = join(folder, 'broken.mjs');
  await writeFile(file, "throw new Error('no such luck');");
  const broken = launch({ WORKFLOWS: folder });
  const wrong = launch({ LANES: 'many', LOG_LEVEL: 'loud' });
  await Promise.all([broken.whenGone(), wrong.whenGone()]);
  expect([broken.ending, wrong.ending]).toEqual([1, 1]);
  expect(broken.text).toContain(`workflow module ${file}: Error: no such luck`);
  expect(wrong.text).toMatch(/LOG_LEVEL: .*\n.*LANES: /);
});
