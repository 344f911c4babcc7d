import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryBroker } from '@counterstep/bus';
import type { Bus } from '@counterstep/bus';
import {
  StateStoreError,
  ValidationError,
  WorkflowBuilder,
  WorkflowExecutionError,
  contextOf,
  isLive,
} from '@counterstep/core';
import type { SagaStatus, Workflow } from '@counterstep/core';
import { MemoryDatabase, MemoryStore, Orchestrator } from '@counterstep/engine';
import { NonRetryable, compensationHandler, createWorker, stepHandler } from '@counterstep/worker';
import type { Handler, Worker } from '@counterstep/worker';
import { waitFor } from '../support/wait-for.js';

/** The orchestrator's API as it was specified, in the idiom of TypeScript: each example builds and runs. */

const NOBODY = '01900000-0000-7000-8000-000000000001';

let broker: MemoryBroker;
let bus: Bus;
let store: MemoryStore;
let orchestrator: Orchestrator | undefined;
let workers: Worker[];
/** Handlers in the order in which the workers ran them. */
let ran: string[];

beforeEach(() => {
  broker = new MemoryBroker();
  bus = broker.connect();
  store = new MemoryStore();
  workers = [];
  ran = [];
});

afterEach(async () => {
  for (const id of await store.listContexts()) {
    const context = await store.loadContext(id);
    expect(context && isLive(context.saga)).toBe(true);
  }
  await Promise.all(workers.map((worker) => worker.stop()));
  await orchestrator?.stop();
  orchestrator = undefined;
  await bus.close();
});

const action = (name: string, run: (input: unknown) => unknown = () => ({ by: name })): Handler =>
  stepHandler(name, { barrier: 'none' }, (input) => {
    ran.push(name);
    return run(input);
  });
const undo = (name: string): Handler =>
  compensationHandler(name, { barrier: 'none' }, () => {
    ran.push(name);
  });

/** A worker app of its own. */
async function serve(...handlers: Handler[]): Promise<void> {
  const worker = createWorker({ bus: broker.connect(), handlers });
  await worker.start();
  workers.push(worker);
}

async function orchestrate(...workflows: Workflow[]): Promise<Orchestrator> {
  orchestrator = new Orchestrator({ workflows, eventBus: bus, stateStore: store });
  await orchestrator.start();
  return orchestrator;
}

const ended = (sagaId: string): Promise<SagaStatus> =>
  waitFor(
    async () => {
      const status = await orchestrator?.getStatus(sagaId);
      return status && !['pending', 'running'].includes(status.state) && status;
    },
    { what: `the end of saga ${sagaId}` },
  );

const orderProcessing = new WorkflowBuilder('order_processing')
  .addStep('validate', 'validate_order')
  .addStep('process', 'process_payment', 'refund_payment')
  .addStep('fulfill', 'fulfill_order')
  .build();

const serveOrders = (): Promise<void> =>
  serve(action('validate_order'), action('process_payment'), undo('refund_payment'), action('fulfill_order'));

describe('executing, asking and cancelling', () => {
  const initialContext = {
    order_id: 'ORDER-123',
    customer_id: 'CUST-456',
    items: [{ product: 'laptop', qty: 1 }],
  };

  it('executeWorkflow starts a saga, and getStatus tells how it went', async () => {
    await serveOrders();
    const sagas = await orchestrate(orderProcessing);
    const sagaId = await sagas.executeWorkflow('order_processing', initialContext);
    const status = await ended(sagaId);
    expect(status).toMatchObject({ state: 'completed', currentStep: null, error: null, progress: 100 });
    expect(status.stepResults).toEqual({
      validate: { by: 'validate_order' },
      process: { by: 'process_payment' },
      fulfill: { by: 'fulfill_order' },
    });
    expect(Date.parse(status.updatedAt)).toBeGreaterThanOrEqual(Date.parse(status.createdAt));
  });

  it('refuses an unknown workflow, a context that is none, and a start before start()', async () => {
    const sagas = new Orchestrator({ workflow: orderProcessing, eventBus: bus, stateStore: store });
    await expect(sagas.executeWorkflow('order_processing', {})).rejects.toThrow(WorkflowExecutionError);
    orchestrator = sagas;
    await sagas.start();
    await expect(sagas.executeWorkflow('nobody', {})).rejects.toThrow(ValidationError);
    await expect(sagas.executeWorkflow('order_processing', [])).rejects.toThrow(ValidationError);
    expect(await store.listContexts()).toEqual([]);
  });

  it('getStatus and cancelWorkflow refuse an id that is not there', async () => {
    const sagas = await orchestrate(orderProcessing);
    for (const id of [NOBODY, 'no id', '']) {
      await expect(sagas.getStatus(id)).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
      await expect(sagas.cancelWorkflow(id)).rejects.toBeInstanceOf(ValidationError);
    }
  });

  it('cancelWorkflow undoes what was done; a saga that ended otherwise cannot be cancelled', async () => {
    let finish = (): void => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    await serve(
      action('validate_order'),
      undo('refund_payment'),
      action('process_payment', () => held),
    );
    const sagas = await orchestrate(orderProcessing);
    const sagaId = await sagas.executeWorkflow('order_processing', initialContext);
    await waitFor(() => ran.includes('process_payment'), { what: 'the payment' });
    expect(await sagas.getStatus(sagaId)).toMatchObject({ state: 'running', currentStep: 'process' });
    expect(await sagas.cancelWorkflow(sagaId)).toBe(true);
    finish();
    expect(await ended(sagaId)).toMatchObject({ state: 'cancelled', notUndone: ['validate'] });
    expect(ran).toEqual(['validate_order', 'process_payment', 'refund_payment']);

    await serve(action('fulfill_order'));
    const other = await sagas.executeWorkflow('order_processing', initialContext);
    await ended(other);
    await expect(sagas.cancelWorkflow(other)).rejects.toBeInstanceOf(WorkflowExecutionError);
  });
});

describe('the orchestrator', () => {
  it('is made of a workflow and a bus; store and logger are optional, and the memory is warned of', async () => {
    const warnings: string[] = [];
    const silent = (): void => undefined;
    const logger = {
      debug: silent,
      info: silent,
      warn: (text: string) => warnings.push(text),
      error: silent,
    };
    const alone = new Orchestrator({ workflow: orderProcessing, eventBus: bus, logger });
    expect(warnings[0]).toMatch(/in memory/);
    expect(alone.getWorkflowDefinition()).toBe(orderProcessing);
    expect(alone.getWorkflowDefinition('order_processing')).toBe(orderProcessing);
    await alone.start();
    await alone.stop();
  });

  it('is stopped, and another goes on where it was', async () => {
    const database = new MemoryDatabase();
    store = new MemoryStore({ database });
    const sagas = await orchestrate(orderProcessing);
    const sagaId = await sagas.executeWorkflow('order_processing', {});
    await sagas.stop();
    store = new MemoryStore({ database });
    await serveOrders();
    await orchestrate(orderProcessing);
    expect(await ended(sagaId)).toMatchObject({ state: 'completed' });
  });
});

describe('a workflow definition', () => {
  it('tells its id, its steps, the first one and the next', () => {
    expect(orderProcessing.getId()).toBe('order_processing');
    expect(orderProcessing.getSteps().map(({ name }) => name)).toEqual(['validate', 'process', 'fulfill']);
    expect(orderProcessing.getInitialStep()).toMatchObject({ name: 'validate', worker: 'validate_order' });
    expect(orderProcessing.getNextStep('validate', contextOf({}))).toMatchObject({
      name: 'process',
      compensation: 'refund_payment',
    });
    expect(orderProcessing.getNextStep('fulfill', contextOf({}))).toBeUndefined();
    expect(Object.isFrozen(orderProcessing)).toBe(true);
  });

  it('runs a conditional step only when its condition is true', async () => {
    const tiers = new WorkflowBuilder('tiers')
      .addStep('validate', 'validate_order')
      .addConditionalStep(
        'premium_processing',
        'premium_handler',
        (ctx) => ctx.get('customer_tier') === 'premium',
      )
      .build();
    await serve(action('validate_order'), action('premium_handler'));
    const sagas = await orchestrate(tiers);
    await ended(await sagas.executeWorkflow('tiers', { customer_tier: 'basic' }));
    expect(ran).toEqual(['validate_order']);
    await ended(await sagas.executeWorkflow('tiers', { customer_tier: 'premium' }));
    expect(ran.slice(1)).toEqual(['validate_order', 'premium_handler']);
  });

  it('runs parallel steps at the same time', async () => {
    const checks = new WorkflowBuilder('checks')
      .addParallelSteps([
        { name: 'check_inventory', worker: 'inventory_check' },
        { name: 'validate_payment', worker: 'payment_validator' },
      ])
      .build();
    // Each waits for the other to have begun.
    const bothRan = () => waitFor(() => new Set(ran).size === 2, { what: 'both checks' });
    await serve(action('inventory_check', bothRan), action('payment_validator', bothRan));
    const sagas = await orchestrate(checks);
    expect(await ended(await sagas.executeWorkflow('checks', {}))).toMatchObject({ state: 'completed' });
  });
});

describe('the state store', () => {
  it('saves, loads, lists and deletes contexts', async () => {
    await serveOrders();
    const sagas = await orchestrate(orderProcessing);
    const sagaId = await sagas.executeWorkflow('order_processing', {});
    await ended(sagaId);
    const context = await store.loadContext(sagaId);
    if (!context) throw new Error('the context is there');
    expect(context.saga).toMatchObject({ sagaId, state: 'completed' });
    await expect(store.saveContext(context)).rejects.toBeInstanceOf(StateStoreError);
    expect(await store.listContexts({ workflowId: 'order_processing', state: 'completed' })).toEqual([
      sagaId,
    ]);
    expect(await store.listContexts({ state: 'failed' })).toEqual([]);
    expect(await store.deleteContext(sagaId)).toBe(true);
    expect(await store.deleteContext(sagaId)).toBe(false);
    expect(await store.loadContext(sagaId)).toBeUndefined();
  });
});

describe('error handling', () => {
  it('retries automatically, as often as the workflow says', async () => {
    const risky = new WorkflowBuilder('my_workflow')
      .addStep('risky_step', 'might_fail_worker')
      .withRetryConfig({ maxRetries: 5, backoffFactor: 2.0, initialDelay: 1 })
      .build();
    const flaky = (): unknown => {
      if (ran.length < 6) throw new Error('not yet');
      return { tries: ran.length };
    };
    await serve(action('might_fail_worker', flaky));
    const sagas = await orchestrate(risky);
    const status = await ended(await sagas.executeWorkflow('my_workflow', {}));
    expect(status).toMatchObject({ state: 'completed', stepResults: { risky_step: { tries: 6 } } });
  });

  it('runs compensations in reverse order, that of the failed step first', async () => {
    const transaction = new WorkflowBuilder('transaction')
      .addStep('reserve', 'reserve_inventory', 'release_inventory')
      .addStep('charge', 'charge_payment', 'refund_payment')
      .addStep('ship', 'ship_order', 'cancel_shipment')
      .build();
    const noCarrier = (): never => {
      throw new NonRetryable({ code: 'NO_CARRIER', message: 'no carrier' });
    };
    await serve(action('reserve_inventory'), undo('release_inventory'));
    await serve(action('charge_payment'), undo('refund_payment'));
    await serve(action('ship_order', noCarrier), undo('cancel_shipment'));
    const sagas = await orchestrate(transaction);
    const status = await ended(await sagas.executeWorkflow('transaction', {}));
    expect(status).toMatchObject({ state: 'compensated', cause: { code: 'NO_CARRIER', step: 'ship' } });
    expect(ran.slice(3)).toEqual(['cancel_shipment', 'refund_payment', 'release_inventory']);
  });
});
