import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryBroker, type Bus } from '@counterstep/bus';
import { WorkflowBuilder, isLive, rowOf } from '@counterstep/core';
import { Orchestrator } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import { topicsOf, type Command } from '@counterstep/protocol';
import pg from 'pg';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { Responder, type Answer } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

const quick = { initialDelay: 1, maxDelay: 5 };
const order = new WorkflowBuilder('order')
  .withRetryConfig(quick)
  .addStep('reserve', 'inventory.reserve', 'inventory.release')
  .addStep('charge', 'payments.charge', 'payments.refund')
  .build();

const succeed = (output: unknown = {}): Answer => ({ outcome: 'succeeded', data: { output } });

let database: FreshDatabase;
let broker: MemoryBroker;
let bus: Bus;
let store: PostgresStore;
let orchestrator: Orchestrator;
let responder: Responder;
let answers: (command: Command) => Answer | undefined;
let db: pg.Client;

beforeEach(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  db = new pg.Client(database.url);
  await db.connect();
  broker = new MemoryBroker();
  bus = broker.connect();
  store = new PostgresStore({ url: database.url });
  orchestrator = new Orchestrator({ workflow: order, eventBus: bus, stateStore: store, sweepInterval: 100 });
  answers = () => succeed();
  responder = new Responder(broker.connect(), (command) => answers(command)).listen('inventory', 'payments');
});

afterEach(async () => {
  for (const id of await store.listContexts()) {
    const context = await store.loadContext(id);
    if (context) expect(isLive(context.saga)).toBe(true);
  }
  expect(await store.hangingSagas(10)).toEqual([]);
  await responder.close();
  await orchestrator.stop();
  await bus.close({ drainMs: 0 });
  await db.end();
  await database.drop();
});

async function ended(sagaId: string): Promise<string> {
  return waitFor(
    async () => {
      const { state } = await orchestrator.getStatus(sagaId);
      return state !== 'running' && state !== 'pending' && state;
    },
    { what: `the end of saga ${sagaId}` },
  );
}

async function commits(): Promise<number> {
  const { rows } = await db.query<{ n: string }>(
    'select xact_commit as n from pg_stat_database where datname = current_database()',
  );
  return Number(rows[0]?.n);
}

describe('an orchestrator on Postgres', () => {
  it('commits 500 inputs that come at once in at most 50 transactions', async () => {
    answers = () => undefined;
    await db.query('select pg_stat_force_next_flush()');
    const before = await commits();
    await orchestrator.start();
    const sagaIds = await Promise.all(
      Array.from({ length: 500 }, (_, n) => orchestrator.executeWorkflow('order', { n })),
    );
    expect(new Set(sagaIds).size).toBe(500);
    await orchestrator.stop();
    // The connections are closed, so all their transactions are counted: those of the opening too.
    await db.query('select pg_stat_force_next_flush()');
    const made = (await commits()) - before;
    expect(made).toBeGreaterThan(1);
    expect(made).toBeLessThanOrEqual(50);
    const { rows } = await db.query('select count(*)::int as n from counterstep.saga');
    expect(rows).toEqual([{ n: 500 }]);
    store = new PostgresStore({ url: database.url });
    await store.open();
  });

  it('holds the one saga whose rows Postgres refuses, and finishes the others of its batch', async () => {
    await orchestrator.start();
    await db.query(`
      create function refuse() returns trigger language plpgsql as
        $$ begin
             if new.facts::text like '%poison pill%' then raise exception 'no pills here' using errcode = '22023'; end if;
             return new;
           end $$;
      create trigger refuse before insert on counterstep.history for each row execute function refuse();`);
    const held: Command[] = [];
    answers = (command) => {
      if (command.worker !== 'inventory.reserve') return succeed();
      held.push(command);
      return undefined;
    };
    const sagaIds = await Promise.all(
      Array.from({ length: 20 }, (_, n) => orchestrator.executeWorkflow('order', { n })),
    );
    await waitFor(() => held.length === 20, { what: 'all first commands' });
    const [victim, ...others] = sagaIds as [string, ...string[]];
    await Promise.all(
      held.map((command) =>
        responder.reply(command, succeed(command.sagaid === victim ? { text: 'poison pill' } : {})),
      ),
    );
    for (const sagaId of others) expect(await ended(sagaId)).toBe('completed');
    const status = await waitFor(
      async () => {
        const now = await orchestrator.getStatus(victim);
        return now.phase === 'attention' && now;
      },
      { what: 'the victim waits for a person' },
    );
    expect(status).toMatchObject({ state: 'running', attention: [{ code: 'POISON' }] });
    const parked = await waitFor(
      async () => {
        const found = await store.parkedInputs([order.digest], 10);
        return found.length === 1 && found;
      },
      { what: 'the reply is parked' },
    );
    expect(parked[0]).toMatchObject({ sagaId: victim });
    expect(parked[0]?.input).toContain('poison pill');
  });

  it('sends U+0000 in a raw message to the dead letters', async () => {
    await orchestrator.start();
    const topics = topicsOf('counterstep');
    const letters: unknown[] = [];
    const reader = bus.subscribe({
      group: 'reader',
      topics: [topics.deadLetters],
      onDeliveries: (deliveries) => {
        for (const { value, ack } of deliveries) {
          letters.push(JSON.parse(Buffer.from(value ?? []).toString()));
          ack();
        }
      },
    });
    const raw = Buffer.from('{"specversion":"1.0","data":{"output":"a\\u0000b"}}');
    await bus.publish([
      { topic: topics.replies, key: 'x', value: raw },
      { topic: topics.replies, key: 'x', value: Buffer.from([0, 1, 255]) },
      { topic: topics.starts, key: 'x', value: raw },
    ]);
    await waitFor(() => letters.length === 3, { what: 'three dead letters' });
    expect(letters).toContainEqual(
      expect.objectContaining({
        data: expect.objectContaining({
          code: 'UNSTORABLE_TEXT',
          topic: topics.replies,
          value: raw.toString('base64'),
        }) as unknown,
      }),
    );
    const sagaId = await orchestrator.executeWorkflow('order', {});
    expect(await ended(sagaId)).toBe('completed');
    await reader.close();
  });

  it('keeps fold, memory and row the same after every event', async () => {
    await orchestrator.start();
    answers = (command) =>
      command.worker === 'payments.charge'
        ? { outcome: 'rejected', data: { error: { code: 'NO', message: 'no' } } }
        : succeed();
    const sagaId = await orchestrator.executeWorkflow('order', { n: 1 });
    await ended(sagaId);
    const context = await store.loadContext(sagaId);
    const [row] = await store.list({ limit: 1 });
    expect(context && rowOf(context.saga)).toEqual(row);
  });

  it('goes on when its connections are killed', async () => {
    await orchestrator.start();
    const held: Command[] = [];
    answers = (command) => {
      if (command.worker !== 'inventory.reserve') return succeed();
      held.push(command);
      return undefined;
    };
    const sagaId = await orchestrator.executeWorkflow('order', {});
    const command = await waitFor(() => held[0], { what: 'the command' });
    await db.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await responder.reply(command, succeed());
    expect(await ended(sagaId)).toBe('completed');
    expect(await orchestrator.executeWorkflow('order', {})).toBeDefined();
  });
});
