import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MemoryBus } from '@counterstep/bus';
import type { Logger } from '@counterstep/protocol';
import { PostgresStore, migrate } from '@counterstep/store';
import { CommandClient } from '@counterstep/testing';
import { createWorker, stepHandler } from '@counterstep/worker';
import pg from 'pg';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

let told = 0;
const broken = (): never => {
  told += 1;
  throw new Error('the disk is full');
};
const logger: Logger = { debug: broken, info: broken, warn: broken, error: broken };

let database: FreshDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new pg.Pool({ connectionString: database.url });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test.each(['transaction', 'external'] as const)(
  'in mode %s each command of a group is answered once, and as it ended',
  async (barrier) => {
    const bus = new MemoryBus();
    const client = await CommandClient.open(bus, ['payments']);
    const handler = stepHandler('payments.charge', { barrier }, () => ({ done: true }));
    const worker = createWorker({ bus, database: pool, handlers: [handler], logger });
    const steps = [1, 2, 3, 4, 5].map((nth) => `${barrier} ${nth}`);
    const commands = steps.map((step) => client.command('payments.charge', {}, { step }));
    // All of them wait when it begins, so they make one group.
    for (const command of commands) await client.send(command);
    await worker.start();
    for (const { effectkey } of commands) await client.reply((reply) => reply.effectkey === effectkey);
    await worker.stop();
    const replies = client.replies.map(({ step, outcome }) => `${step}: ${outcome}`);
    expect(replies.sort()).toEqual(steps.map((step) => `${step}: succeeded`));
    await bus.close();
  },
);

test('a store outlives the end of its connections', async () => {
  await migrate(database.url);
  const store = new PostgresStore({ url: database.url, applicationName: 'told', logger });
  await store.open();
  await store.now();
  told = 0;
  await pool.query(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'told'",
  );
  await waitFor(() => told > 0, { what: 'the logger is told' });
  await waitFor(() => store.now(), { what: 'look-ups work again' });
  await store.close();
});
