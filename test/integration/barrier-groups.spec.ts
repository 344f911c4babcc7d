import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answersOf } from '@counterstep/testing';
import pg from 'pg';
import {
  PostgresBarrier,
  ensureBarrierTable,
  type Answer,
  type BarrierEntry,
  type Effect,
  type EffectResult,
} from '@counterstep/worker';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

/* In mode `transaction` a group shares one transaction; whatever one of its handlers does, the others must not notice. */

const SAGA = '01890000-0000-7000-8000-000000000001';
const DONE: EffectResult = { outcome: 'succeeded' };
const FAILED: EffectResult = {
  outcome: 'failed',
  error: { code: 'E', message: 'after all' },
  retryable: true,
};

let database: FreshDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new pg.Pool({ connectionString: database.url });
  pool.on('error', () => undefined);
  const client = await pool.connect();
  await ensureBarrierTable(client);
  await client.query(
    `CREATE TABLE ledger (entry text PRIMARY KEY);
     CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
     CREATE TABLE checked (id int REFERENCES account DEFERRABLE INITIALLY DEFERRED)`,
  );
  client.release();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

let groups = 0;

/** Performs the effects as one group; each answer, and what stands of each, by its place. */
async function performed(effects: readonly Effect[], on = pool) {
  groups += 1;
  const group = groups;
  const name = (index: number): string => `group${group}-${index}`;
  const entries = effects.map((effect, index): Pick<BarrierEntry, 'order' | 'effect'> => ({
    order: {
      mode: 'transaction',
      sagaId: SAGA,
      step: name(index),
      run: 1,
      attempt: 1,
      direction: 'forward',
      effectKey: `${SAGA}/${name(index)}/1/forward`,
    },
    effect: async (tx, keepAlive) => {
      await (tx as pg.PoolClient).query('INSERT INTO ledger VALUES ($1)', [name(index)]);
      return effect(tx, keepAlive);
    },
  }));
  const settled = await answersOf(new PostgresBarrier(on), entries);
  const stands = async (index: number): Promise<readonly [boolean, boolean]> => {
    const ledger = await pool.query('SELECT FROM ledger WHERE entry = $1', [name(index)]);
    const row = await pool.query('SELECT FROM counterstep_barrier WHERE effect_key LIKE $1', [
      `${SAGA}/${name(index)}/%`,
    ]);
    return [ledger.rowCount === 1, row.rowCount === 1];
  };
  return { outcomes: settled.map(codeOf), stand: await Promise.all(effects.map((_, i) => stands(i))) };
}

function codeOf(answer: Answer): string {
  return answer.outcome === 'succeeded' ? 'succeeded' : `${answer.outcome} ${answer.error.code}`;
}

const done: Effect = () => Promise.resolve(DONE);
const query = (tx: unknown, sql: string): Promise<unknown> => (tx as pg.PoolClient).query(sql);
const STANDS = [true, true];
const NOTHING = [false, false];
const ONLY_THE_ROW = [false, true];

describe('a group in one transaction', () => {
  test('commits once, and each effect stands', async () => {
    const { outcomes, stand } = await performed(Array.from({ length: 50 }, () => done));
    expect(new Set(outcomes)).toEqual(new Set(['succeeded']));
    expect(stand).toEqual(stand.map(() => STANDS));
    expect(await writersOf(`group${groups}-`)).toEqual({ rows: 50, transactions: 1 });
  });

  test('keeps nothing of the one that fails, and all of the others', async () => {
    const { outcomes, stand } = await performed([done, () => Promise.resolve(FAILED), done]);
    expect(outcomes).toEqual(['succeeded', 'failed E', 'succeeded']);
    expect(stand).toEqual([STANDS, NOTHING, STANDS]);
  });

  test('keeps the row of the one that is rejected, and nothing that it wrote', async () => {
    const rejects: Effect = () =>
      Promise.resolve({ outcome: 'rejected', error: { code: 'NO', message: 'no' } });
    const { outcomes, stand } = await performed([rejects, done]);
    expect(outcomes).toEqual(['rejected NO', 'succeeded']);
    expect(stand).toEqual([ONLY_THE_ROW, STANDS]);
  });

  test('is not spoiled by an error of the database, swallowed or not', async () => {
    const swallows: Effect = async (tx) => {
      await query(tx, 'SELECT 1/0').catch(() => undefined);
      return DONE;
    };
    const tells: Effect = async (tx) => {
      const thrown: unknown = await query(tx, 'SELECT 1/0').then(
        () => undefined,
        (error: unknown) => error,
      );
      return { ...FAILED, thrown };
    };
    const { outcomes, stand } = await performed([swallows, done, tells, done]);
    expect(outcomes).toEqual(['failed TRANSACTION_ABORTED', 'succeeded', 'failed E', 'succeeded']);
    expect(stand).toEqual([NOTHING, STANDS, NOTHING, STANDS]);
  });

  test('does without the one whose error shows only at COMMIT', async () => {
    const later: Effect = async (tx) => {
      await query(tx, 'INSERT INTO checked VALUES (4711)');
      return DONE;
    };
    const { outcomes, stand } = await performed([done, done, later, done, done]);
    expect(outcomes).toEqual(['succeeded', 'succeeded', 'failed BARRIER_FAILED', 'succeeded', 'succeeded']);
    expect(stand).toEqual([STANDS, STANDS, NOTHING, STANDS, STANDS]);
  });

  test('does the others again without the one that was abandoned', async () => {
    let zombie: pg.PoolClient | undefined;
    const hangs: Effect = (tx) => {
      zombie = tx as pg.PoolClient;
      return Promise.resolve({ ...FAILED, abandoned: true });
    };
    const { outcomes, stand } = await performed([done, hangs, done]);
    expect(outcomes).toEqual(['succeeded', 'failed E', 'succeeded']);
    expect(stand).toEqual([STANDS, NOTHING, STANDS]);
    await expect(zombie?.query('SELECT 1')).rejects.toThrow();
  });

  test('what waits behind one that takes long is done without it', async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    let [running, ended] = [0, 0];
    const after: Effect = () => {
      ended += 1;
      if (ended === 3) open();
      return Promise.resolve(DONE);
    };
    const slow: Effect = async () => {
      running += 1;
      await opened;
      return DONE;
    };
    // It ends only if those behind it have run.
    const { outcomes, stand } = await performed([done, slow, after, after, after]);
    expect(outcomes).toEqual(outcomes.map(() => 'succeeded'));
    expect(stand).toEqual(stand.map(() => STANDS));
    expect([running, ended]).toEqual([1, 3]);
  });

  test('an effect and its undo in one group are decided in their order', async () => {
    const forward = `${SAGA}/pair/1/forward`;
    const order = { mode: 'transaction', sagaId: SAGA, step: 'pair', run: 1, attempt: 1 } as const;
    const answers = await answersOf(new PostgresBarrier(pool), [
      { order: { ...order, direction: 'forward', effectKey: forward }, effect: done },
      {
        order: {
          ...order,
          direction: 'undo',
          effectKey: `${SAGA}/pair/1/undo`,
          forwardKey: forward,
          forwardOutcome: 'unknown',
        },
        effect: done,
      },
      {
        order: { ...order, attempt: 2, direction: 'forward', effectKey: forward },
        effect: () => Promise.reject(new Error('must not run')),
      },
    ]);
    expect(answers).toEqual([DONE, DONE, DONE]);
  });

  test('two groups that lock the same rows crosswise both end', async () => {
    await pool.query('INSERT INTO account SELECT i, 0 FROM generate_series(1, 8) i');
    const pays =
      (id: number): Effect =>
      async (tx) => {
        await query(tx, `UPDATE account SET balance = balance + 1 WHERE id = ${id}`);
        return DONE;
      };
    const ids = [1, 2, 3, 4, 5, 6, 7, 8];
    const [one, other] = await Promise.all([performed(ids.map(pays)), performed(ids.toReversed().map(pays))]);
    expect(new Set([...one.outcomes, ...other.outcomes])).toEqual(new Set(['succeeded']));
    const { rows } = await pool.query<{ balance: number }>('SELECT balance FROM account');
    expect(rows.map(({ balance }) => balance)).toEqual(ids.map(() => 2));
  });

  test('a connection lost in the middle decides nothing for any of them', async () => {
    const dies: Effect = async (tx) => {
      await query(tx, 'SELECT pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
      return FAILED;
    };
    await expect(performed([done, dies, done])).rejects.toMatchObject({ code: 'BARRIER_UNAVAILABLE' });
    expect((await pool.query('SELECT FROM ledger WHERE entry LIKE $1', [`group${groups}-%`])).rowCount).toBe(
      0,
    );
  });
});

test('in mode `external` the rows of a group are written together, too, though its handlers run beside each other', async () => {
  const entries = Array.from({ length: 50 }, (_, index): Pick<BarrierEntry, 'order' | 'effect'> => ({
    order: {
      mode: 'external',
      sagaId: SAGA,
      step: `outside-${index}`,
      run: 1,
      attempt: 1,
      direction: 'forward',
      effectKey: `${SAGA}/outside-${index}/1/forward`,
    },
    effect: done,
  }));
  const answers = await answersOf(new PostgresBarrier(pool), entries);
  expect(answers).toEqual(entries.map(() => DONE));
  expect(await writersOf('outside-')).toEqual({ rows: 50, transactions: 1 });
});

/** How many transactions wrote the rows of these steps last. */
async function writersOf(steps: string): Promise<{ rows: number; transactions: number } | undefined> {
  const { rows } = await pool.query<{ rows: number; transactions: number }>(
    `SELECT count(*)::int AS rows, count(DISTINCT xmin::text)::int AS transactions
     FROM counterstep_barrier WHERE effect_key LIKE $1`,
    [`${SAGA}/${steps}%`],
  );
  return rows[0];
}
