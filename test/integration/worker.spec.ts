import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import * as z from 'zod';
import { MemoryBus } from '@counterstep/bus';
import { CommandClient } from '@counterstep/testing';
import {
  NonRetryable,
  PostgresBarrier,
  StepRejected,
  barrierTableSql,
  compensationHandler,
  createWorker,
  stepHandler,
  withUndoData,
  type Handler,
  type Worker,
  type WorkerOptions,
} from '@counterstep/worker';
import { freshDatabase, postgresUrl, type FreshDatabase } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

describe('a worker with its barrier on Postgres', () => {
  let bus: MemoryBus;
  let client: CommandClient;
  let pool: pg.Pool;
  let workers: Worker[] = [];
  let schemas = 0;
  let schema: string;

  beforeEach(async () => {
    schemas += 1;
    schema = `service_${schemas}`;
    bus = new MemoryBus();
    client = await CommandClient.open(bus, ['payments']);
    pool = new pg.Pool({ connectionString: database.url });
    pool.on('error', () => undefined);
    await pool.query(`CREATE SCHEMA ${schema}`);
    await pool.query(`CREATE TABLE ${schema}.charges (effect_key text, amount int CHECK (amount < 1000))`);
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    workers = [];
    await bus.close();
    await pool.end();
  });
  const serve = async (handlers: Handler[], more: Partial<WorkerOptions> = {}): Promise<Worker> => {
    const worker = createWorker({ bus, handlers, database: pool, schema, ...more });
    workers.push(worker);
    await worker.start();
    await worker.ready();
    return worker;
  };
  const rows = async (table: string): Promise<unknown[]> =>
    (await pool.query(`SELECT * FROM ${schema}.${table}`)).rows as unknown[];

  const charge = stepHandler(
    'payments.charge',
    { barrier: 'transaction', input: z.object({ amount: z.number(), then: z.string().optional() }) },
    async ({ amount, then }, { tx, effectKey }) => {
      await tx.query(`INSERT INTO ${schema}.charges VALUES ($1, $2)`, [effectKey, amount]);
      if (then === 'reject') throw new StepRejected({ code: 'NO_FUNDS', message: 'no funds' });
      if (then === 'fail') throw new Error('the bank hung up');
      if (then === 'give up') throw new NonRetryable({ code: 'CLOSED', message: 'closed' });
      if (then === 'bad output') return { id: 'a\u0000' };
      return withUndoData({ id: effectKey }, { amount });
    },
  );
  const refund = compensationHandler(
    'payments.refund',
    { barrier: 'transaction', undoData: z.object({ amount: z.number() }) },
    async (undo, { tx }) => {
      await tx.query(`DELETE FROM ${schema}.charges`);
      return { refunded: undo.undoData?.amount };
    },
  );

  test('the effect and the row commit together, and a duplicate is answered from the row', async () => {
    await serve([charge]);
    const command = client.command('payments.charge', { amount: 5 });
    const first = await client.ask(command);
    expect(first).toMatchObject({
      outcome: 'succeeded',
      data: { output: { id: command.effectkey }, undoData: { amount: 5 } },
    });
    const second = await client.ask({ ...command, id: 'again', attempt: 2 });
    expect(second).toMatchObject({ id: 'again/reply', attempt: 2, data: first.data });
    expect(await rows('charges')).toEqual([{ effect_key: command.effectkey, amount: 5 }]);
  });

  test.each([
    ['reject', 'rejected', 1],
    ['fail', 'failed', 0],
    ['give up', 'failed', 0],
    ['bad output', 'failed', 0],
  ])(
    'after "%s" the step is %s, nothing stands, and the barrier keeps %i rows',
    async (then, outcome, kept) => {
      await serve([charge]);
      const reply = await client.ask(client.command('payments.charge', { amount: 5, then }));
      expect(reply.outcome).toBe(outcome);
      expect(await rows('charges')).toEqual([]);
      expect(await rows('counterstep_barrier')).toHaveLength(kept);
    },
  );

  test('an error of the database in the handler is a failure with its SQLSTATE, answered once', async () => {
    await serve([charge]);
    const reply = await client.ask(client.command('payments.charge', { amount: 5_000 }));
    expect(reply).toMatchObject({ outcome: 'failed', data: { error: { code: '23514', retryable: true } } });
    expect(client.replies).toHaveLength(1);
  });

  test('a rejection after an error of the database that the handler caught is kept', async () => {
    await serve([
      stepHandler('payments.charge', { barrier: 'transaction' }, async (_input, { tx }) => {
        await tx.query(`INSERT INTO ${schema}.charges VALUES ('kept?', 1)`);
        await tx.query(`INSERT INTO ${schema}.charges VALUES ('too much', 5000)`).catch(() => {
          throw new StepRejected({ code: 'ABOVE_LIMIT', message: 'above the limit' });
        });
      }),
    ]);
    const reply = await client.ask(client.command('payments.charge', {}));
    expect(reply).toMatchObject({ outcome: 'rejected', data: { error: { code: 'ABOVE_LIMIT' } } });
    expect(await rows('charges')).toEqual([]);
    expect(await rows('counterstep_barrier')).toMatchObject([{ state: 'rejected' }]);
  });

  test('input refused once stays refused: the row is kept, though the handler never ran', async () => {
    await serve([charge]);
    const command = client.command('payments.charge', { amount: 'five' });
    expect(await client.ask(command)).toMatchObject({ outcome: 'rejected' });
    expect(await client.ask({ ...command, attempt: 2, data: { amount: 5 } })).toMatchObject({
      outcome: 'rejected',
    });
    expect(await rows('charges')).toEqual([]);
  });

  test('an undo is a no-op without an effect, and refuses the effect that comes late', async () => {
    await serve([charge, refund]);
    const forward = client.command('payments.charge', { amount: 5 });
    expect(await client.ask(client.undoOf(forward, 'payments.refund', 'unknown'))).toMatchObject({
      outcome: 'succeeded',
      noop: true,
    });
    expect(await client.ask(forward)).toMatchObject({
      outcome: 'rejected',
      refused: true,
      data: { error: { code: 'REFUSED_LATE' } },
    });
    expect(await rows('charges')).toEqual([]);
  });

  test('an undo whose forward reply was lost undoes the effect', async () => {
    await serve([charge, refund]);
    const forward = client.command('payments.charge', { amount: 5 });
    await client.ask(forward);
    const undo = client.undoOf(forward, 'payments.refund', 'unknown', { undoData: { amount: 5 } });
    expect(await client.ask(undo)).toMatchObject({ outcome: 'succeeded', data: { output: { refunded: 5 } } });
    expect(await rows('charges')).toEqual([]);
  });

  test('in mode external a finish after the undo began is reported as late', async () => {
    let enter = (): void => {};
    const entered = new Promise<void>((resolve) => (enter = resolve));
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    await serve([
      stepHandler('payments.charge', { barrier: 'external' }, async () => {
        enter();
        await opened;
        return { id: 1 };
      }),
      compensationHandler('payments.refund', { barrier: 'external' }, () => ({ refunded: true })),
    ]);
    const forward = client.command('payments.charge', {});
    await client.send(forward);
    await entered;
    const undone = await client.ask(client.undoOf(forward, 'payments.refund', 'unknown'));
    expect(undone).toMatchObject({ outcome: 'succeeded', data: { output: { refunded: true } } });
    expect(undone.noop).toBeUndefined();
    open();
    expect(await client.reply((reply) => reply.direction === 'forward')).toMatchObject({
      outcome: 'succeeded',
      late: true,
      data: { output: { id: 1 } },
    });
  });

  test('a handler that ignores its deadline is given up, and nothing of it stands', async () => {
    await serve(
      [
        stepHandler('payments.charge', { barrier: 'transaction' }, async (_input, { tx }) => {
          await tx.query(`INSERT INTO ${schema}.charges VALUES ('x', 1)`);
          await new Promise(() => undefined);
        }),
      ],
      { graceMs: 10 },
    );
    const reply = await client.ask(client.command('payments.charge', {}, { timeout: 20 }));
    expect(reply).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'DEADLINE_EXCEEDED', retryable: true } },
    });
    expect(await rows('charges')).toEqual([]);
  });

  test('a handler that ignores that its saga was cancelled is given up, and nothing of it stands', async () => {
    let enter = (): void => {};
    const entered = new Promise<void>((resolve) => (enter = resolve));
    let zombie: pg.PoolClient | undefined;
    await serve(
      [
        stepHandler('payments.charge', { barrier: 'transaction' }, async (_input, { tx }) => {
          await tx.query(`INSERT INTO ${schema}.charges VALUES ('x', 1)`);
          zombie = tx;
          enter();
          await new Promise(() => undefined);
        }),
      ],
      { graceMs: 10 },
    );
    const command = client.command('payments.charge', {});
    await client.send(command);
    await entered;
    await client.notify(command, 'cancelled');
    expect(await client.reply(() => true)).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'CANCELLED', retryable: false } },
    });
    await expect(zombie?.query(`INSERT INTO ${schema}.charges VALUES ('late', 1)`)).rejects.toThrow();
    expect(await rows('charges')).toEqual([]);
    expect(await rows('counterstep_barrier')).toEqual([]);
  });

  test('in mode external a command that nobody wants when its turn comes leaves no row', async () => {
    let enter = (): void => {};
    const entered = new Promise<void>((resolve) => (enter = resolve));
    let undone = false;
    await serve(
      [
        stepHandler('payments.charge', { barrier: 'external' }, async (_input, { signal }) => {
          enter();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return {};
        }),
        compensationHandler('payments.refund', { barrier: 'external' }, () => {
          undone = true;
        }),
      ],
      { concurrency: 1 },
    );
    const [first, second] = ['a', 'b'].map((step) => client.command('payments.charge', {}, { step }));
    if (!first || !second) throw new Error('two commands');
    await client.send(first);
    await entered;
    await client.send(second);
    await client.notify(second, 'cancelled');
    await client.notify(first, 'cancelled');
    expect(await client.reply(({ step }) => step === 'b')).toMatchObject({ outcome: 'failed' });
    expect(await client.ask(client.undoOf(second, 'payments.refund', 'failed'))).toMatchObject({
      outcome: 'succeeded',
      noop: true,
    });
    expect(undone).toBe(false);
  });

  test('heartbeats keep a transaction alive that asks its database for nothing', async () => {
    await serve(
      [
        stepHandler('payments.charge', { barrier: 'transaction' }, async (_input, { tx, heartbeat }) => {
          await tx.query(`INSERT INTO ${schema}.charges VALUES ('x', 1)`);
          // Work that takes three times as long as the server lets a silent transaction idle.
          const began = performance.now();
          while (performance.now() - began < 1_800) {
            await heartbeat();
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }),
      ],
      { barrier: new PostgresBarrier(pool, { schema, idleGraceMs: 100 }) },
    );
    await pool.query(barrierTableSql({ schema }));
    const command = client.command('payments.charge', {}, { timeout: 500 });
    expect(await client.ask(command)).toMatchObject({ outcome: 'succeeded' });
    expect(await rows('charges')).toHaveLength(1);
  });

  test('two workers of one queue, every message twice: each effect stands once', async () => {
    bus.broker.faults = { duplicateEvery: 1 };
    await serve([charge]);
    await serve([charge]);
    const commands = Array.from({ length: 20 }, (_, i) =>
      client.command('payments.charge', { amount: i }, { step: `s${i}` }),
    );
    await Promise.all(commands.map((command) => client.ask(command)));
    expect(await rows('charges')).toHaveLength(20);
  });
});

describe('a worker whose database is away', () => {
  let own: FreshDatabase;
  let admin: pg.Pool;
  let pool: pg.Pool;
  let bus: MemoryBus;
  let client: CommandClient;
  let worker: Worker;
  let warnings: string[];

  beforeEach(async () => {
    own = await freshDatabase();
    admin = new pg.Pool({ connectionString: postgresUrl(), max: 1 });
    pool = new pg.Pool({ connectionString: own.url });
    pool.on('error', () => undefined);
    bus = new MemoryBus();
    client = await CommandClient.open(bus, ['payments']);
    warnings = [];
    worker = createWorker({
      bus,
      database: pool,
      logger: { debug() {}, info() {}, error() {}, warn: (message) => void warnings.push(message) },
      handlers: [stepHandler('payments.charge', { barrier: 'transaction' }, () => ({ ok: true }))],
    });
  });
  afterEach(async () => {
    await worker.stop();
    await bus.close();
    await pool.end();
    await admin.end();
    await own.drop();
  });
  /** The server ends the connections to the database and takes no new ones, until it is opened again. */
  const shut = async (): Promise<void> => {
    const name = new URL(own.url).pathname.slice(1);
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1', [
      name,
    ]);
  };
  const open = async (): Promise<void> => {
    await admin.query(`ALTER DATABASE ${new URL(own.url).pathname.slice(1)} ALLOW_CONNECTIONS true`);
  };

  test('answers nothing and loses nothing, says why it is not ready, and goes on by itself', async () => {
    await worker.start();
    await worker.ready();
    expect(worker.health()).toMatchObject({ ready: true });
    await shut();
    await client.send(client.command('payments.charge', {}));
    await waitFor(() => !worker.health().ready, { what: 'the worker says that it is not ready' });
    expect(worker.health().reason).toContain('database');
    expect(client.replies).toEqual([]);
    await open();
    expect(await client.reply(() => true)).toMatchObject({ outcome: 'succeeded' });
    expect(worker.health()).toMatchObject({ ready: true, inFlight: 0 });
  });

  test('leaves a command to the next worker when it is stopped meanwhile', async () => {
    await worker.start();
    await worker.ready();
    await shut();
    await client.send(client.command('payments.charge', {}));
    await waitFor(() => warnings.length > 0, { what: 'the worker has tried' });
    await worker.stop();
    await open();
    expect(client.replies).toEqual([]);
    worker = createWorker({
      bus,
      database: pool,
      handlers: [stepHandler('payments.charge', { barrier: 'transaction' }, () => ({ second: true }))],
    });
    await worker.start();
    expect(await client.reply(() => true)).toMatchObject({ data: { output: { second: true } } });
  });

  test('waits for it at start', async () => {
    await shut();
    const started = worker.start();
    await waitFor(() => warnings.length > 0, { what: 'the worker says what it waits for' });
    expect(worker.health().ready).toBe(false);
    await open();
    await started;
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({ outcome: 'succeeded' });
  });
});
