import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { System, type OrchestratorProcess } from './support/system.js';

let system: System;
let orchestrator: OrchestratorProcess;

beforeAll(async () => {
  system = await System.create();
  orchestrator = await system.startAll();
}, 90_000);

afterEach(async () => {
  await system.checkPromises();
});

afterAll(async () => {
  await system.stop();
}, 60_000);

const anOrder = (more: object = {}): object => ({
  orderId: `o-${randomUUID().slice(0, 8)}`,
  items: [{ sku: `book-${randomUUID().slice(0, 8)}`, quantity: 2, price: 10 }],
  address: '1 Main Street',
  ...more,
});

interface Ledger {
  kind: string;
  done_at: string;
}

/** What the workers' own tables say was done for a saga, in the order in which it was done. */
async function ledger(sagaId: string): Promise<string[]> {
  const { rows } = await system.db.query<Ledger>(
    `select 'reserve_inventory' as kind, done_at from inventory.reservation where saga_id = $1
     union all select 'charge_payment', done_at from payments.payment where saga_id = $1
     union all select 'ship_order', done_at from shipping.shipment where saga_id = $1
     union all select 'release_inventory', done_at from inventory.release where saga_id = $1
     union all select 'refund_payment', done_at from payments.refund where saga_id = $1
     union all select 'cancel_shipment', done_at from shipping.cancellation where saga_id = $1
     order by done_at`,
    [sagaId],
  );
  return rows.map((row) => row.kind);
}

describe('orders over Kafka and Postgres, each app a process', () => {
  it('completes a good order', async () => {
    const sagaId = await orchestrator.start('order', anOrder());
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed', error: null });
    expect(await ledger(sagaId)).toEqual(['reserve_inventory', 'charge_payment', 'ship_order']);
  }, 60_000);

  it('undoes the reservation when the payment is refused, and nothing else', async () => {
    const sagaId = await orchestrator.start('order', anOrder({ card: 'declined' }));
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { code: 'CARD_DECLINED', step: 'charge' },
    });
    expect(await ledger(sagaId)).toEqual(['reserve_inventory', 'release_inventory']);
  }, 60_000);

  it('undoes everything in reverse order when shipping fails', async () => {
    const sagaId = await orchestrator.start('order', anOrder({ address: 'nowhere' }));
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'compensated', cause: { step: 'ship' } });
    expect((await ledger(sagaId)).slice(-3)).toEqual([
      'cancel_shipment',
      'refund_payment',
      'release_inventory',
    ]);
    const standing = await system.db.query(
      'select id from shipping.shipment where saga_id = $1 and cancelled_at is null',
      [sagaId],
    );
    expect(standing.rows).toEqual([]);
  }, 60_000);

  it('tries again and then succeeds', async () => {
    const sagaId = await orchestrator.start('order', anOrder({ address: 'flaky' }));
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed' });
    const { body } = await orchestrator.request('GET', `/api/v1/sagas/${sagaId}/history`);
    expect(JSON.stringify(body).match(/"retryPlanned"/g)).toHaveLength(2);
  }, 60_000);

  it('cancels in flight: waits for what is under way, then undoes it', async () => {
    const sagaId = await orchestrator.start('order', anOrder({ address: 'slow' }));
    await waitFor(async () => (await orchestrator.status(sagaId)).currentStep === 'ship', {
      what: 'it ships',
    });
    const answer = await orchestrator.request('POST', `/api/v1/sagas/${sagaId}/cancel`, {
      reason: 'changed my mind',
    });
    expect(answer.status).toBe(202);
    expect((await orchestrator.request('POST', `/api/v1/sagas/${sagaId}/cancel`)).status).toBe(202);
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'cancelled' });
    expect((await ledger(sagaId)).slice(-3)).toEqual([
      'cancel_shipment',
      'refund_payment',
      'release_inventory',
    ]);
    const completed = await orchestrator.start('order', anOrder());
    await orchestrator.ended(completed);
    const refused = await orchestrator.request('POST', `/api/v1/sagas/${completed}/cancel`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'SAGA_CLOSED', state: 'completed' } });
  }, 60_000);

  it('starts by message once, whatever comes twice, and buries a start that is refused', async () => {
    const { topics } = system;
    const letters = system.read(topics.deadLetters);
    const start = (id: string, workflow: string): object => ({
      specversion: '1.0',
      id,
      source: 'shop',
      type: 'counterstep.start.v1',
      data: { workflow, input: anOrder({ orderId: id }) },
    });
    const good = Buffer.from(JSON.stringify(start('m-1', 'order')));
    const bad = Buffer.from(JSON.stringify(start('m-2', 'no-such-workflow')));
    await system.bus.publish(
      [good, good, bad].map((value) => ({ topic: topics.starts, key: 'shop', value })),
    );
    const sagaId = await waitFor(
      async () => {
        const { rows } = await system.db.query<{ saga_id: string }>(
          "select saga_id from counterstep.saga_key where scope = 'request:shop'",
        );
        expect(rows.length).toBeLessThanOrEqual(1);
        return rows[0]?.saga_id;
      },
      { what: 'the saga is started' },
    );
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed' });
    await waitFor(() => letters.some(({ text }) => text.includes('UNKNOWN_WORKFLOW')), {
      what: 'a dead letter',
    });
  }, 60_000);

  it('applies each message once when every message comes twice', async () => {
    const { topics } = system;
    const queues = ['inventory', 'payments', 'shipping'].map((queue) => topics.commands(queue));
    const copied = new Set<string>();
    const copier = system.bus.subscribe({
      group: `copier-${randomUUID()}`,
      topics: [...queues, topics.replies],
      onDeliveries: (deliveries) => {
        for (const { topic, key, value, ack } of deliveries) {
          ack();
          const text = Buffer.from(value ?? []).toString();
          if (value === null || copied.has(text)) continue;
          copied.add(text);
          void system.bus.publish([{ topic, key: key ?? '', value }]);
        }
      },
    });
    await copier.ready();
    const sagas = await Promise.all([
      orchestrator.start('order', anOrder()),
      orchestrator.start('order', anOrder({ address: 'nowhere' })),
      orchestrator.start('order', anOrder({ card: 'declined' })),
    ]);
    const states = await Promise.all(sagas.map(async (sagaId) => (await orchestrator.ended(sagaId)).state));
    expect(states).toEqual(['completed', 'compensated', 'compensated']);
    for (const sagaId of sagas) {
      const done = await ledger(sagaId);
      expect(new Set(done).size).toBe(done.length);
    }
    expect(copied.size).toBeGreaterThan(20);
    await copier.close();
  }, 90_000);

  it('works with two orchestrators at once', async () => {
    const second = await system.startOrchestrator();
    await second.ready();
    const plans = [{}, { card: 'declined' }, { address: 'nowhere' }, { address: 'flaky' }];
    const sagas = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        (i % 2 ? second : orchestrator).start('order', anOrder(plans[i % plans.length])),
      ),
    );
    const states = await Promise.all(sagas.map(async (sagaId) => (await orchestrator.ended(sagaId)).state));
    const expected = ['completed', 'compensated', 'compensated', 'completed'];
    expect(states).toEqual(sagas.map((_, i) => expected[i % expected.length]));
    const gaps = await system.db.query(
      'select saga_id from counterstep.history group by saga_id having max(seq) <> count(*)',
    );
    expect(gaps.rows).toEqual([]);
  }, 90_000);
});
