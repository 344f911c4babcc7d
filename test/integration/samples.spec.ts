import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { MemoryBus } from '@counterstep/bus';
import type { Command, Outcome, Reply } from '@counterstep/protocol';
import { CommandClient } from '@counterstep/testing';
/* eslint-disable no-restricted-imports -- these are the functions by which the embedded start composes the apps. */
import { configSchema, loadConfig, startInventoryWorker } from '../../apps/inventory-worker/src/index.js';
import { startPaymentWorker } from '../../apps/payment-worker/src/index.js';
import { startShippingWorker } from '../../apps/shipping-worker/src/index.js';
/* eslint-enable no-restricted-imports */
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const UNDO = { reserve: 'inventory.release', charge: 'payments.refund', ship: 'shipping.cancel' } as const;
const DO = { reserve: 'inventory.reserve', charge: 'payments.charge', ship: 'shipping.ship' } as const;
type Step = keyof typeof DO;

describe('the sample workers', () => {
  let database: FreshDatabase;
  let pool: pg.Pool;
  let bus: MemoryBus;
  let client: CommandClient;
  let workers: { stop(): Promise<void>; health(): { ready: boolean } }[];
  let sagas = 0;

  beforeAll(async () => {
    database = await freshDatabase();
    pool = new pg.Pool({ connectionString: database.url });
    bus = new MemoryBus();
    client = await CommandClient.open(bus, ['inventory', 'payments', 'shipping']);
    const options = { bus, databaseUrl: database.url, logger, concurrency: 4 };
    // Two of each, started together: they take turns at the migrations.
    workers = await Promise.all([
      startInventoryWorker({ ...options, initialStock: 5 }),
      startInventoryWorker({ ...options, initialStock: 5 }),
      startPaymentWorker({ ...options, creditLimit: 100 }),
      startPaymentWorker({ ...options, creditLimit: 100 }),
      startShippingWorker(options),
      startShippingWorker(options),
    ]);
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await bus.close();
    await pool.end();
    await database.drop();
  });

  const newSaga = (): string => {
    sagas += 1;
    return `01890000-0000-7000-8000-${String(sagas).padStart(12, '0')}`;
  };
  const forward = (sagaid: string, step: Step, input: object, attempt = 1): Command =>
    client.command(DO[step], input, { sagaid, step, attempt });
  const undo = (command: Command, outcome: Outcome, output?: unknown): Promise<Reply> =>
    client.ask(client.undoOf(command, UNDO[command.step as Step], outcome, { output }));
  const order = (sagaid: string, more: object = {}): object => ({
    orderId: `order-${sagaid}`,
    customerId: 'anna',
    items: [{ sku: `sku-${sagaid}`, quantity: 2, price: 10 }],
    ...more,
  });
  const count = async (table: string, sagaid: string): Promise<number> =>
    (await pool.query(`SELECT FROM ${table} WHERE saga_id = $1`, [sagaid])).rows.length;

  test('an order is reserved, charged and shipped, each once though it is sent twice', async () => {
    const saga = newSaga();
    const outputs: unknown[] = [];
    for (const step of ['reserve', 'charge', 'ship'] as const) {
      const command = forward(saga, step, order(saga));
      const [reply] = await Promise.all([client.ask(command), client.send(command)]);
      expect(reply.outcome).toBe('succeeded');
      outputs.push(reply.data.output);
      expect(await client.ask({ ...command, attempt: 2 })).toMatchObject({
        data: { output: reply.data.output },
      });
    }
    expect(outputs).toEqual([
      { reservationId: expect.any(String) },
      { paymentId: expect.any(String), amount: 20 },
      { shipmentId: expect.any(String) },
    ]);
    expect(await count('inventory.reservation', saga)).toBe(1);
    expect(await count('payments.payment', saga)).toBe(1);
    expect(await count('shipping.shipment', saga)).toBe(1);
    const { rows } = await pool.query('SELECT available FROM inventory.stock WHERE sku = $1', [
      `sku-${saga}`,
    ]);
    expect(rows).toEqual([{ available: 3 }]);
  });

  test('what was done can be undone, and the tables tell in which order', async () => {
    const saga = newSaga();
    const commands = (['reserve', 'charge', 'ship'] as const).map((step) => forward(saga, step, order(saga)));
    for (const command of commands) await client.ask(command);
    for (const command of [...commands].reverse()) {
      expect(await undo(command, 'succeeded')).toMatchObject({ outcome: 'succeeded' });
    }
    const { rows } = await pool.query<{ what: string }>(
      `SELECT what FROM (
         SELECT 'cancel' AS what, done_at FROM shipping.cancellation WHERE saga_id = $1
         UNION ALL SELECT 'refund', done_at FROM payments.refund WHERE saga_id = $1 AND amount = 20
         UNION ALL SELECT 'release', done_at FROM inventory.release WHERE saga_id = $1) all_undos
       ORDER BY done_at`,
      [saga],
    );
    expect(rows.map(({ what }) => what)).toEqual(['cancel', 'refund', 'release']);
    const stock = await pool.query('SELECT available FROM inventory.stock WHERE sku = $1', [`sku-${saga}`]);
    expect(stock.rows).toEqual([{ available: 5 }]);
  });

  test.each<[string, Step, object, string]>([
    ['too few pieces', 'reserve', { items: [{ sku: 'rare', quantity: 6 }] }, 'OUT_OF_STOCK'],
    ['sold out', 'reserve', { items: [{ sku: 'sold-out', quantity: 1 }] }, 'OUT_OF_STOCK'],
    ['a declined card', 'charge', { card: 'declined' }, 'CARD_DECLINED'],
    ['too large an amount', 'charge', { amount: 101 }, 'CARD_DECLINED'],
    ['no items', 'reserve', { items: [] }, 'INPUT_INVALID'],
  ])('%s: the step is rejected and leaves nothing', async (_, step, more, code) => {
    const saga = newSaga();
    const command = forward(saga, step, order(saga, more));
    expect(await client.ask(command)).toMatchObject({ outcome: 'rejected', data: { error: { code } } });
    expect(await undo(command, 'rejected')).toMatchObject({ noop: true });
    expect(await count(step === 'reserve' ? 'inventory.reservation' : 'payments.payment', saga)).toBe(0);
  });

  test('an order of two skus of which one is out takes neither', async () => {
    const saga = newSaga();
    const items = [
      { sku: 'a-plenty', quantity: 1 },
      { sku: 'sold-out', quantity: 1 },
    ];
    await client.ask(forward(saga, 'reserve', order(saga, { items })));
    const { rows } = await pool.query("SELECT available FROM inventory.stock WHERE sku = 'a-plenty'");
    expect(rows).toEqual([]);
  });

  test('shipping to nowhere fails for good, and its own cancellation runs for real', async () => {
    const saga = newSaga();
    const command = forward(saga, 'ship', order(saga, { address: 'nowhere' }));
    expect(await client.ask(command)).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'UNDELIVERABLE', retryable: false } },
    });
    const undone = await undo(command, 'failed');
    expect(undone).toMatchObject({ outcome: 'succeeded', data: { output: { cancelled: 1 } } });
    expect(await count('shipping.cancellation', saga)).toBe(1);
  });

  test('shipping to a flaky address succeeds at the third attempt', async () => {
    const saga = newSaga();
    const outcomes: string[] = [];
    for (const attempt of [1, 2, 3]) {
      const reply = await client.ask(forward(saga, 'ship', order(saga, { address: 'flaky' }), attempt));
      outcomes.push(reply.outcome);
    }
    expect(outcomes).toEqual(['failed', 'failed', 'succeeded']);
    expect(await count('shipping.shipment', saga)).toBe(1);
  });

  test('many orders of one sku at once never sell more than there is', async () => {
    const replies = await Promise.all(
      Array.from({ length: 12 }, () => {
        const saga = newSaga();
        return client.ask(forward(saga, 'reserve', order(saga, { items: [{ sku: 'hot', quantity: 1 }] })));
      }),
    );
    expect(replies.filter((reply) => reply.outcome === 'succeeded')).toHaveLength(5);
    expect(replies.filter((reply) => reply.outcome === 'rejected')).toHaveLength(7);
  });

  test('the configuration tells all its problems together', () => {
    expect(() =>
      loadConfig({ DATABASE_URL: 'mysql://x', KAFKA_BROKERS: 'nowhere', LOG_LEVEL: 'loud' }),
    ).toThrow(/DATABASE_URL[\s\S]*KAFKA_BROKERS[\s\S]*LOG_LEVEL/);
    const parsed = configSchema.parse({ DATABASE_URL: 'postgres://u@h/db', KAFKA_BROKERS: 'a:1, b:2' });
    expect(parsed).toMatchObject({ KAFKA_BROKERS: ['a:1', 'b:2'], TOPIC_PREFIX: 'counterstep' });
  });
});
