import { setTimeout as delay } from 'node:timers/promises';
import type { SagaStatus } from '@counterstep/core';
import type { Orchestrator } from '@counterstep/engine';

/** What a newcomer sees happen: most orders complete, two are refused at payment, one fails at shipping. */
const ORDERS: readonly { readonly what: string; readonly workflow: string; readonly input: object }[] = [
  { what: 'a book', workflow: 'order', input: order('book', 1, 12.5) },
  { what: 'two lamps', workflow: 'order', input: order('lamp', 2, 40) },
  {
    what: 'a coat, the card is declined',
    workflow: 'order',
    input: { ...order('coat', 1, 180), card: 'declined' },
  },
  { what: 'a yacht, over the credit limit', workflow: 'order', input: order('yacht', 1, 250_000) },
  {
    what: 'a piano, to an address that does not exist',
    workflow: 'order',
    input: { ...order('piano', 1, 4_000), address: 'nowhere' },
  },
  {
    what: 'a chair, by a carrier that fails twice',
    workflow: 'order',
    input: { ...order('chair', 4, 60), address: 'flaky' },
  },
  {
    what: 'a ticket, collected by the customer',
    workflow: 'express-order',
    input: { ...order('ticket', 1, 30), amount: 30 },
  },
];

const PATIENCE_MS = 15_000;

export interface DemoOrder {
  readonly what: string;
  readonly saga: SagaStatus;
  /** It was started by an earlier run. */
  readonly existed: boolean;
}

/** Starts the demo orders, each once in the life of a database, and gives them some seconds to end. */
export async function runDemoOrders(orchestrator: Orchestrator): Promise<DemoOrder[]> {
  const started = await Promise.all(
    ORDERS.map(async ({ what, workflow, input }, index) => ({
      what,
      ...(await orchestrator.startSaga(
        workflow,
        { orderId: `demo-${index + 1}`, ...input },
        {
          requestId: `demo-${index + 1}`,
          source: 'demo',
        },
      )),
    })),
  );
  const deadline = performance.now() + PATIENCE_MS;
  return Promise.all(
    started.map(async ({ what, sagaId, existed }) => {
      let saga = await orchestrator.getStatus(sagaId);
      while ((saga.state === 'pending' || saga.state === 'running') && performance.now() < deadline) {
        await delay(100);
        saga = await orchestrator.getStatus(sagaId);
      }
      return { what, saga, existed };
    }),
  );
}

function order(sku: string, quantity: number, price: number): object {
  return { customerId: 'customer-1', items: [{ sku, quantity, price }] };
}
