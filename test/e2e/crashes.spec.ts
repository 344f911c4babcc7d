import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../support/free-port.js';
import { waitFor } from '../support/wait-for.js';
import { System } from './support/system.js';

let system: System;
let folder: string;

beforeEach(async () => {
  system = await System.create();
  folder = await mkdtemp(join(tmpdir(), 'counterstep-e2e-'));
});

afterEach(async () => {
  await system.checkPromises();
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('kill -9', () => {
  it('between commit and publish loses neither command nor event', async () => {
    // To this one the broker is absent: it commits, and can publish nothing before it dies.
    const cutOff = await system.startOrchestrator({ KAFKA_BROKERS: `127.0.0.1:${await freePort()}` });
    const sagaId = await waitFor(() => cutOff.start('patient-order', order({})), {
      what: 'an accepted start',
      timeoutMs: 30_000,
    });
    await cutOff.end('SIGKILL');
    const { commands, events } = {
      commands: system.topics.commands('inventory'),
      events: system.topics.events,
    };
    const next = await system.startOrchestrator();
    await next.ready();
    const begin = performance.now();
    const seen = system.read(commands, events);
    await waitFor(
      () =>
        [commands, events].every((topic) =>
          seen.some((each) => each.topic === topic && each.text.includes(sagaId)),
        ),
      { what: 'command and event are on their topics', timeoutMs: 15_000 },
    );
    expect(performance.now() - begin).toBeLessThan(15_000);
    expect(await next.status(sagaId)).toMatchObject({ state: 'running', currentStep: 'reserve' });
  }, 90_000);

  it.each(['before-commit', 'after-commit'])(
    'of a worker %s leaves exactly one row in its ledger',
    async (moment) => {
      const orchestrator = await system.startOrchestrator();
      await orchestrator.ready();
      const env = { DIE: moment, MARK: join(folder, 'died') };
      const first = system.startScript('test/e2e/apps/ledger-worker.mjs', env);
      const sagaId = await orchestrator.start('ledger', {});
      await first.whenGone();
      expect(first.ending).toBe('SIGKILL');
      expect((await orchestrator.status(sagaId)).state).toBe('running');
      const { rows: between } = await system.db.query('select effect_key from ledger');
      expect(between).toHaveLength(moment === 'after-commit' ? 1 : 0);
      system.startScript('test/e2e/apps/ledger-worker.mjs', env);
      expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed' });
      const { rows } = await system.db.query('select effect_key from ledger');
      expect(rows).toEqual([{ effect_key: `${sagaId}/post/1/forward` }]);
    },
    90_000,
  );

  it('of the orchestrator in mid-saga: another takes over', async () => {
    const first = await system.startAll();
    const sagas = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        first.start('patient-order', order({ address: i % 2 ? 'slow' : 'home' })),
      ),
    );
    await waitFor(async () => (await first.status(sagas[1] ?? '')).currentStep === 'ship', {
      what: 'it ships',
    });
    await first.end('SIGKILL');
    const second = await system.startOrchestrator();
    await second.ready();
    for (const sagaId of sagas)
      expect(await second.ended(sagaId, 90_000)).toMatchObject({ state: 'completed' });
    const { rows } = await system.db.query('select saga_id from shipping.shipment');
    expect(rows).toHaveLength(sagas.length);
  }, 150_000);

  it('of a worker in mid-saga: its command is run again, its effect stands once', async () => {
    const orchestrator = await system.startAll();
    const sagaId = await orchestrator.start('patient-order', order({ address: 'slow' }));
    await waitFor(async () => (await orchestrator.status(sagaId)).currentStep === 'ship', {
      what: 'it ships',
    });
    await system.workers.get('shipping')?.end('SIGKILL');
    system.startWorker('shipping');
    expect(await orchestrator.ended(sagaId, 90_000)).toMatchObject({ state: 'completed' });
    const { rows } = await system.db.query('select saga_id from shipping.shipment');
    expect(rows).toHaveLength(1);
  }, 150_000);
});

function order(more: object): object {
  return { orderId: 'k', items: [{ sku: 'book', quantity: 1, price: 5 }], ...more };
}
