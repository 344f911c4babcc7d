import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import type { AppProcess } from './support/processes.js';
import { System, type OrchestratorProcess } from './support/system.js';

let system: System;
let orchestrator: OrchestratorProcess;
let home: string;
let folder: string;
let sagas = 0;
let worker: AppProcess;

beforeAll(async () => {
  system = await System.create();
  home = await mkdtemp(join(tmpdir(), 'counterstep-steps-'));
  const definition = join(home, 'archive.workflow.json');
  await system.startScript('test/e2e/apps/archive-worker.mjs', { DEFINITION: definition }).whenGone();
  // It has the workflow as data, and none of the steps' code.
  orchestrator = await system.startOrchestrator({ WORKFLOWS: home });
  await orchestrator.ready();
}, 90_000);

beforeEach(async () => {
  sagas += 1;
  folder = join(home, `saga-${sagas}`);
  await mkdir(folder);
});

afterEach(async () => {
  await worker.end('SIGTERM');
  await system.checkPromises();
}, 60_000);

afterAll(async () => {
  await system.stop();
  await rm(home, { recursive: true });
}, 60_000);

const startWorker = (env: Readonly<Record<string, string>> = {}): AppProcess =>
  (worker = system.startScript('test/e2e/apps/archive-worker.mjs', {
    JOURNAL: join(home, `journal-${sagas}`),
    ...env,
  }));

const journal = async (): Promise<string[]> =>
  (await readFile(join(home, `journal-${sagas}`), 'utf8')).trim().split('\n');

describe('steps hosted by a worker, over Kafka and Postgres', () => {
  it('do their work, and hand the context on', async () => {
    startWorker();
    const sagaId = await orchestrator.start('archive', { folder });
    const status = await orchestrator.ended(sagaId);
    expect(status).toMatchObject({ state: 'completed', error: null });
    expect(status.stepResults).toMatchObject({
      first: { success: true, data: { files: 1 } },
      second: { success: true, data: { files: 2 } },
      publish: { success: true, data: { files: ['first.txt', 'second.txt'] } },
    });
    expect(await readdir(folder)).toEqual(['first.txt', 'second.txt']);
  }, 60_000);

  it('are rolled back in reverse when one fails, and the saga says why', async () => {
    startWorker();
    const sagaId = await orchestrator.start('archive', { folder, refuse: true });
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { step: 'publish', code: 'STEP_FAILED', message: 'nobody wants first.txt and second.txt' },
    });
    expect(await journal()).toEqual([
      'first',
      'second',
      'publish',
      'undo second true second.txt',
      'undo first true first.txt',
    ]);
    expect(await readdir(folder)).toEqual([]);
  }, 60_000);

  it('leave nothing behind when their worker is killed in the middle of one', async () => {
    startWorker({ HOLD: 'yes' });
    const sagaId = await orchestrator.start('archive', { folder });
    await waitFor(async () => (await journal()).includes('holds'), {
      what: 'the second step holds on',
      timeoutMs: 30_000,
    });
    await worker.end('SIGKILL');
    expect(await readdir(folder)).toEqual(['first.txt', 'second.txt']);
    await waitFor(async () => (await orchestrator.status(sagaId)).phase === 'compensating', {
      what: 'the saga turns, as nobody hears of the step any more',
      timeoutMs: 30_000,
    });
    // The command that nobody has answered is delivered again, beside its undo.
    startWorker({ ONCE: 'yes' });
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { step: 'second', code: expect.stringMatching(/TIMEOUT|NOT_PICKED_UP/) },
    });
    expect((await journal()).filter((line) => line.startsWith('undo'))).toEqual([
      'undo second false second.txt',
      'undo first true first.txt',
    ]);
    expect(await readdir(folder)).toEqual([]);
  }, 120_000);
});
