import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { answersOf, barrierConformance, type BarrierUnderTest } from '@counterstep/testing';
import {
  BarrierUnavailable,
  PostgresBarrier,
  ensureBarrierTable,
  type Answer,
  type BarrierOrder,
  type Effect,
} from '@counterstep/worker';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

let database: FreshDatabase;
let admin: pg.Pool;
let schemas = 0;

beforeAll(async () => {
  database = await freshDatabase();
  admin = new pg.Pool({ connectionString: database.url });
  admin.on('error', () => undefined);
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

const SAGA = '01890000-0000-7000-8000-000000000001';
const FORWARD = `${SAGA}/charge/1/forward`;
const order = (more: Partial<BarrierOrder> = {}): BarrierOrder => ({
  mode: 'transaction',
  sagaId: SAGA,
  step: 'charge',
  run: 1,
  attempt: 1,
  direction: 'forward',
  effectKey: FORWARD,
  ...more,
});
const undo = (more: Partial<BarrierOrder> = {}): BarrierOrder =>
  order({
    direction: 'undo',
    effectKey: `${SAGA}/charge/1/undo`,
    forwardKey: FORWARD,
    forwardOutcome: 'unknown',
    ...more,
  });

/** A schema with a barrier and a ledger of its own. */
async function freshSchema(): Promise<string> {
  schemas += 1;
  const schema = `worker_${schemas}`;
  const client = await admin.connect();
  try {
    await ensureBarrierTable(client, { schema });
    await client.query(`CREATE TABLE ${schema}.ledger (seq bigserial, entry text)`);
  } finally {
    client.release();
  }
  return schema;
}

async function ledgerOf(schema: string): Promise<string[]> {
  const { rows } = await admin.query<{ entry: string }>(`SELECT entry FROM ${schema}.ledger ORDER BY seq`);
  return rows.map((row) => row.entry);
}

/** Ends a backend and waits until it is gone, so that the client's socket has been told. */
async function endBackend(pid: number): Promise<void> {
  await admin.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
}

interface Executor {
  query(sql: string, values?: unknown[]): Promise<unknown>;
}

function harness(
  schema: string,
  parts: Pick<BarrierUnderTest, 'barrier' | 'other' | 'close'>,
): BarrierUnderTest {
  return {
    ...parts,
    write: async (tx, entry) => {
      const sql = `INSERT INTO ${schema}.ledger (entry) VALUES ($1)`;
      await ((tx as Executor | undefined) ?? admin).query(sql, [entry]);
    },
    ledger: () => ledgerOf(schema),
    kill: async (tx) => endBackend(await backendOf(tx as Executor)),
  };
}

/** pg answers with a result, TypeORM with its rows. */
async function backendOf(tx: Executor): Promise<number> {
  const result = (await tx.query('SELECT pg_backend_pid() AS pid')) as
    { pid: number }[] | { rows: { pid: number }[] };
  const [row] = Array.isArray(result) ? result : result.rows;
  if (!row) throw new Error('no backend');
  return row.pid;
}

barrierConformance('Postgres, tx as a pg client', async () => {
  const schema = await freshSchema();
  const pools = [
    new pg.Pool({ connectionString: database.url }),
    new pg.Pool({ connectionString: database.url }),
  ];
  const [one, two] = pools as [pg.Pool, pg.Pool];
  for (const pool of pools) pool.on('error', () => undefined);
  return harness(schema, {
    barrier: new PostgresBarrier(one, { schema }),
    other: new PostgresBarrier(two, { schema }),
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
    },
  });
});

barrierConformance('Postgres, tx as an EntityManager of TypeORM', async () => {
  const schema = await freshSchema();
  const open = () => new DataSource({ type: 'postgres', url: database.url }).initialize();
  const [one, two] = await Promise.all([open(), open()]);
  return harness(schema, {
    barrier: new PostgresBarrier(one, { schema }),
    other: new PostgresBarrier(two, { schema }),
    close: async () => {
      await Promise.all([one.destroy(), two.destroy()]);
    },
  });
});

describe('barrier on Postgres', () => {
  const perform = async (barrier: PostgresBarrier, which: BarrierOrder, effect: Effect): Promise<Answer> => {
    const [answer] = await answersOf(barrier, [{ order: which, effect }]);
    return answer!;
  };

  test('many workers that start together make the table once', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => admin.connect()));
    await Promise.all(clients.map((client) => ensureBarrierTable(client, { schema: 'started together' })));
    for (const client of clients) client.release();
    const { rows } = await admin.query(`SELECT 1 FROM pg_tables WHERE schemaname = 'started together'`);
    expect(rows).toHaveLength(1);
  });

  /**
   * The process may die at any statement: before Postgres got it, or after it was done but before the answer came. The
   * statement `COMMIT` after it was done is the case where nobody knows how it ended.
   */
  describe.each(['transaction', 'external'] as const)(
    'a connection killed at any statement, mode %s',
    (mode) => {
      test.each(['before', 'after'] as const)('%s it: one effect and one undo stand', async (when) => {
        const seen: number[] = [];
        for (let nth = 1; ; nth += 1) {
          const schema = await freshSchema();
          const pool = new pg.Pool({ connectionString: database.url });
          pool.on('error', () => undefined);
          const trap = trapAt(pool, nth, when);
          const dying = new PostgresBarrier(trap.pool, { schema });
          const safe = new PostgresBarrier(admin, { schema });
          let charges = 0;
          const effect =
            (entry: string): Effect =>
            async (tx) => {
              // In mode `external` the service called honours the effect key; here: one entry per key.
              if (mode === 'external') charges += entry === 'charged' ? 1 : 0;
              else
                await (tx as pg.PoolClient).query(`INSERT INTO ${schema}.ledger (entry) VALUES ($1)`, [
                  entry,
                ]);
              return { outcome: 'succeeded', output: { entry } };
            };
          const attempt = async (which: BarrierOrder, entry: string): Promise<Answer> => {
            try {
              return await perform(dying, which, effect(entry));
            } catch (error) {
              expect(error).toBeInstanceOf(BarrierUnavailable);
              return perform(safe, which, effect(entry));
            }
          };
          expect(await attempt(order({ mode }), 'charged')).toEqual({
            outcome: 'succeeded',
            output: { entry: 'charged' },
          });
          expect(await attempt(undo({ mode }), 'refunded')).toEqual({
            outcome: 'succeeded',
            output: { entry: 'refunded' },
          });
          if (mode === 'transaction') expect(await ledgerOf(schema)).toEqual(['charged', 'refunded']);
          else expect(charges).toBeGreaterThan(0);
          await pool.end();
          seen.push(nth);
          if (!trap.sprung()) break;
        }
        // Forward: BEGIN with load, SAVEPOINT, ledger, RELEASE, insert with COMMIT; or two transactions of two. So the undo.
        expect(seen.length).toBeGreaterThan(8);
      });
    },
  );

  test('twenty duplicates and their undo at once, over four connections, have one effect or none', async () => {
    const schema = await freshSchema();
    const barrier = new PostgresBarrier(admin, { schema });
    for (let round = 0; round < 10; round += 1) {
      const effectKey = `${SAGA}/round${round}/1/forward`;
      const write =
        (entry: string): Effect =>
        async (tx) => {
          await (tx as pg.PoolClient).query(`INSERT INTO ${schema}.ledger (entry) VALUES ($1)`, [entry]);
          return { outcome: 'succeeded' };
        };
      const forwards = Array.from({ length: 10 }, (_, i) =>
        perform(barrier, order({ effectKey, attempt: i + 1 }), write(`${round} charged`)),
      );
      const undos = Array.from({ length: 10 }, (_, i) =>
        perform(
          barrier,
          undo({ effectKey: `${SAGA}/round${round}/1/undo`, forwardKey: effectKey, attempt: i + 1 }),
          write(`${round} refunded`),
        ),
      );
      const answers = await Promise.all([...forwards, ...undos]);
      const entries = (await ledgerOf(schema)).filter((entry) => entry.startsWith(`${round} `));
      const refused = answers.slice(0, 10).filter((answer) => 'refused' in answer).length;
      const noops = answers.slice(10).filter((answer) => 'noop' in answer).length;
      expect([...new Set(answers.slice(10).map((answer) => JSON.stringify(answer)))]).toHaveLength(1);
      if (entries.length === 0) expect([refused, noops]).toEqual([10, 10]);
      else {
        expect(entries).toEqual([`${round} charged`, `${round} refunded`]);
        expect([refused, noops]).toEqual([0, 0]);
      }
    }
  });

  test('a database error that the handler swallowed is a failure, not a success', async () => {
    const schema = await freshSchema();
    const barrier = new PostgresBarrier(admin, { schema });
    const answer = await perform(barrier, order(), async (tx) => {
      const client = tx as pg.PoolClient;
      await client.query(`INSERT INTO ${schema}.ledger (entry) VALUES ('charged')`);
      await client.query('SELECT 1/0').catch(() => undefined);
      return { outcome: 'succeeded' };
    });
    expect(answer).toMatchObject({
      outcome: 'failed',
      retryable: true,
      error: { code: 'TRANSACTION_ABORTED' },
    });
    expect(await ledgerOf(schema)).toEqual([]);
    expect((await admin.query(`SELECT 1 FROM ${schema}.counterstep_barrier`)).rows).toEqual([]);
  });

  test('an error that a floating promise swallowed just before COMMIT is a failure, not a success', async () => {
    const schema = await freshSchema();
    const answer = await perform(new PostgresBarrier(admin, { schema }), order(), async (tx) => {
      const client = tx as pg.PoolClient;
      await client.query(`INSERT INTO ${schema}.ledger (entry) VALUES ('charged')`);
      // Not awaited: its follower is queued behind the barrier's own statement, and before COMMIT.
      void client.query('SELECT 1').then(() => client.query('SELECT 1/0').catch(() => undefined));
      return { outcome: 'succeeded' };
    });
    expect(answer).toMatchObject({ outcome: 'failed', error: { code: 'TRANSACTION_ABORTED' } });
    expect(await ledgerOf(schema)).toEqual([]);
  });

  test('a constraint that fails only at COMMIT is a failure, and nothing stands', async () => {
    const schema = await freshSchema();
    await admin.query(
      `CREATE TABLE ${schema}.account (id int PRIMARY KEY);
       ALTER TABLE ${schema}.ledger ADD account int REFERENCES ${schema}.account DEFERRABLE INITIALLY DEFERRED`,
    );
    const answer = await perform(new PostgresBarrier(admin, { schema }), order(), async (tx) => {
      await (tx as pg.PoolClient).query(`INSERT INTO ${schema}.ledger (entry, account) VALUES ('x', 1)`);
      return { outcome: 'succeeded' };
    });
    expect(answer).toMatchObject({ outcome: 'failed' });
    expect(await ledgerOf(schema)).toEqual([]);
  });

  test('a transaction() of TypeORM inside the handler is a savepoint of the barrier’s', async () => {
    const schema = await freshSchema();
    const dataSource = await new DataSource({ type: 'postgres', url: database.url }).initialize();
    try {
      const barrier = new PostgresBarrier(dataSource, { schema });
      const answer = await perform(barrier, order(), async (tx) => {
        await (tx as EntityManager).transaction(async (inner) => {
          await inner.query(`INSERT INTO ${schema}.ledger (entry) VALUES ('charged')`);
        });
        return {
          outcome: 'failed',
          error: { code: 'HANDLER_FAILED', message: 'after all' },
          retryable: true,
        };
      });
      expect(answer).toMatchObject({ outcome: 'failed' });
      expect(await ledgerOf(schema)).toEqual([]);
    } finally {
      await dataSource.destroy();
    }
  });

  test('an order that waits too long for another on its key is a retryable failure', async () => {
    const schema = await freshSchema();
    const barrier = new PostgresBarrier(admin, { schema, lockTimeoutMs: 20 });
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    let enter: () => void = () => undefined;
    const entered = new Promise<void>((resolve) => (enter = resolve));
    const holder = perform(barrier, order(), async () => {
      enter();
      await opened;
      return { outcome: 'succeeded' };
    });
    await entered;
    const answer = await perform(barrier, order(), () => Promise.reject(new Error('must not run')));
    expect(answer).toMatchObject({ outcome: 'failed', retryable: true, error: { code: 'DATABASE_BUSY' } });
    open();
    expect(await holder).toMatchObject({ outcome: 'succeeded' });
  });

  test('an abandoned handler can write nothing after its transaction was given up', async () => {
    const schema = await freshSchema();
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    let zombie: pg.PoolClient | undefined;
    const answer = await perform(new PostgresBarrier(pool, { schema }), order(), async (tx) => {
      zombie = tx as pg.PoolClient;
      return {
        outcome: 'failed',
        error: { code: 'DEADLINE_EXCEEDED', message: 'too slow' },
        retryable: true,
        abandoned: true,
      };
    });
    expect(answer).toMatchObject({ outcome: 'failed' });
    await expect(zombie!.query(`INSERT INTO ${schema}.ledger (entry) VALUES ('late')`)).rejects.toThrow();
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(await ledgerOf(schema)).toEqual([]);
    await pool.end();
  });
});

/** A pool whose clients lose their connection at the n-th statement, counted over all of them. */
function trapAt(pool: pg.Pool, nth: number, when: 'before' | 'after') {
  let count = 0;
  const trapped = new Proxy(pool, {
    get(target, property, receiver) {
      if (property !== 'connect') return Reflect.get(target, property, receiver) as unknown;
      return async () => {
        const client = await target.connect();
        // A client comes back from the pool more than once; the method of its class is what is wrapped each time.
        const query = pg.Client.prototype.query as (...args: unknown[]) => Promise<unknown>;
        client.query = (async (...args: unknown[]) => {
          count += 1;
          if (count !== nth) return query.apply(client, args);
          const { processID } = client as unknown as { processID: number };
          if (when === 'before') await endBackend(processID);
          const result = await query.apply(client, args);
          if (when === 'after') {
            await endBackend(processID);
            throw new Error('the connection was lost before the answer came');
          }
          return result;
        }) as typeof client.query;
        return client;
      };
    },
  });
  return { pool: trapped, sprung: () => count >= nth };
}
