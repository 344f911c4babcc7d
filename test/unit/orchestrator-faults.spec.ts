import { afterEach, describe, expect, it } from '@jest/globals';
import { MemoryBroker, type Bus } from '@counterstep/bus';
import { WorkflowBuilder, isLive, type SagaStatus, type Workflow } from '@counterstep/core';
import { MemoryDatabase, MemoryStore, Orchestrator } from '@counterstep/engine';
import type { Command } from '@counterstep/protocol';
import { Responder, type Answer } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

const QUICK = { initialDelay: 1, maxDelay: 5, maxRetries: 20 };

function orderWorkflow(version = 1, attemptTimeout = 40): Workflow {
  return new WorkflowBuilder('order', { version })
    .withRetryConfig(QUICK)
    .addStep('reserve', 'inventory.reserve', {
      compensation: 'inventory.release',
      attemptTimeout,
      undoRetry: QUICK,
    })
    .addParallelSteps([
      {
        name: 'charge',
        worker: 'payments.charge',
        compensation: 'payments.refund',
        attemptTimeout,
        undoRetry: QUICK,
      },
      {
        name: 'label',
        worker: 'shipping.label',
        compensation: 'shipping.void',
        attemptTimeout,
        undoRetry: QUICK,
      },
    ])
    .addStep('ship', 'shipping.ship', { compensation: 'shipping.cancel', attemptTimeout, undoRetry: QUICK })
    .build();
}

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Member {
  orchestrator: Orchestrator;
  store: MemoryStore;
  bus: Bus;
}

async function join(
  database: MemoryDatabase,
  broker: MemoryBroker,
  ...workflows: Workflow[]
): Promise<Member> {
  const bus = broker.connect();
  const store = new MemoryStore({ database });
  const orchestrator = new Orchestrator({ workflows, eventBus: bus, stateStore: store, sweepInterval: 20 });
  await orchestrator.start();
  cleanups.push(async () => {
    await orchestrator.stop().catch(() => undefined);
    await bus.close({ drainMs: 0 });
  });
  return { orchestrator, store, bus };
}

function respond(broker: MemoryBroker, answer: (command: Command) => Answer | undefined): Responder {
  const bus = broker.connect();
  const responder = new Responder(bus, answer).listen('inventory', 'payments', 'shipping');
  cleanups.push(async () => {
    await responder.close();
    await bus.close({ drainMs: 0 });
  });
  return responder;
}

const succeed = (output: unknown = {}): Answer => ({ outcome: 'succeeded', data: { output } });

async function ended(orchestrator: Orchestrator, sagaId: string): Promise<SagaStatus> {
  return waitFor(
    async () => {
      const status = await orchestrator.getStatus(sagaId);
      return status.state !== 'running' && status.state !== 'pending' && status;
    },
    { what: `the end of saga ${sagaId}` },
  );
}

describe('orchestrators and what may go wrong', () => {
  it('finishes what a process left that died between commit and publish', async () => {
    const database = new MemoryDatabase();
    const broker = new MemoryBroker();
    const workflow = orderWorkflow(1, 600_000);
    const first = await join(database, broker, workflow);
    const responder = respond(broker, () => succeed());
    broker.available = false;
    const sagaId = await first.orchestrator.executeWorkflow('order', {});
    first.store.crash();
    await first.bus.close({ drainMs: 0 });
    broker.available = true;
    expect(responder.received).toEqual([]);
    const second = await join(database, broker, workflow);
    expect(await ended(second.orchestrator, sagaId)).toMatchObject({ state: 'completed' });
    expect(responder.received[0]).toMatchObject({ sagaid: sagaId, attempt: 1, worker: 'inventory.reserve' });
  });

  it('sends, asks and undoes again until it is done, over a bus that loses, doubles and delays', async () => {
    const database = new MemoryDatabase();
    const broker = new MemoryBroker();
    const workflow = orderWorkflow();
    const members = [await join(database, broker, workflow), await join(database, broker, workflow)];
    broker.faults = {
      lose: 0.05,
      duplicate: 0.2,
      delay: { chance: 0.1, ms: 10 },
      drop: { chance: 0.05, redeliverAfterMs: 30 },
    };
    respond(broker, (command) => {
      const plan = (command.data as { fail?: string; input?: { fail?: string } }).fail;
      return command.direction === 'forward' && plan === command.worker
        ? { outcome: 'rejected', data: { error: { code: 'NO', message: 'no' } } }
        : succeed();
    });
    const plans = ['', 'payments.charge', 'shipping.ship', 'inventory.reserve'];
    const sagas = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const { orchestrator } = members[i % 2] as Member;
        const fail = plans[i % plans.length] as string;
        return { fail, sagaId: await orchestrator.executeWorkflow('order', { fail }) };
      }),
    );
    for (const { fail, sagaId } of sagas) {
      const { orchestrator, store } = members[0] as Member;
      const status = await ended(orchestrator, sagaId);
      expect(status.state).toBe(fail === '' ? 'completed' : 'compensated');
      const [stored] = await store.load([sagaId]);
      expect(stored?.records.map((record) => record.seq)).toEqual(stored?.records.map((_, i) => i + 1));
    }
  });

  it('parks what it has no definition for, and whoever has it takes it up', async () => {
    const database = new MemoryDatabase();
    const broker = new MemoryBroker();
    const [v1, v2] = [orderWorkflow(1, 600_000), orderWorkflow(2, 500_000)];
    const old = await join(database, broker, v1);
    const held: Command[] = [];
    const responder = respond(broker, (command) => {
      if (command.worker !== 'inventory.reserve') return succeed();
      held.push(command);
      return undefined;
    });
    const sagaId = await old.orchestrator.executeWorkflow('order', {});
    const command = await waitFor(() => held[0], { what: 'the command' });
    await old.orchestrator.stop();
    await old.bus.close({ drainMs: 0 });
    const next = await join(database, broker, v2);
    await responder.reply(command, succeed());
    await waitFor(async () => (await next.store.parkedInputs([v1.digest], 10)).length === 1, {
      what: 'a parked input',
    });
    expect(await next.orchestrator.getStatus(sagaId)).toMatchObject({ state: 'running' });
    const back = await join(database, broker, v1, v2);
    expect(await ended(back.orchestrator, sagaId)).toMatchObject({ state: 'completed', workflowVersion: 1 });
    await waitFor(async () => (await back.store.parkedInputs([v1.digest, v2.digest], 10)).length === 0, {
      what: 'nothing is parked any more',
    });
  });

  it('holds a saga whose next message is too large for the broker, and nobody else', async () => {
    const database = new MemoryDatabase();
    const broker = new MemoryBroker();
    const { orchestrator, store } = await join(database, broker, orderWorkflow());
    respond(broker, (command) =>
      command.worker === 'inventory.reserve' && (command.data as { big?: boolean }).big
        ? succeed('x'.repeat(950_000))
        : succeed(),
    );
    const big = await orchestrator.executeWorkflow('order', { big: true });
    const small = await orchestrator.executeWorkflow('order', {});
    expect(await ended(orchestrator, small)).toMatchObject({ state: 'completed' });
    const status = await waitFor(
      async () => {
        const now = await orchestrator.getStatus(big);
        return now.phase === 'attention' && now;
      },
      { what: 'attention' },
    );
    expect(status.attention).toMatchObject([{ code: 'PAYLOAD_TOO_LARGE' }]);
    const context = await store.loadContext(big);
    expect(context && isLive(context.saga)).toBe(true);
    expect(await store.hangingSagas(10)).toEqual([]);
    await expect(orchestrator.executeWorkflow('order', { blob: 'x'.repeat(900_000) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  it('decides again what it decided from an old version: a reply and a cancel at two orchestrators', async () => {
    const database = new MemoryDatabase();
    const broker = new MemoryBroker({ partitions: 1 });
    const workflow = orderWorkflow(1, 600_000);
    const a = await join(database, broker, workflow);
    const b = await join(database, broker, workflow);
    respond(broker, (command) => (command.worker === 'shipping.ship' ? undefined : succeed()));
    const sagaId = await a.orchestrator.executeWorkflow('order', {});
    await waitFor(async () => (await b.orchestrator.getStatus(sagaId)).currentStep === 'ship', {
      what: 'the last step',
    });
    // One of the two has a stale copy in its cache, whichever holds the partition.
    await Promise.all([a.orchestrator.cancelWorkflow(sagaId), b.orchestrator.cancelWorkflow(sagaId)]);
    const history = await b.orchestrator.getHistory(sagaId);
    expect(history.filter((record) => record.event === 'cancel')).toHaveLength(1);
  });

  it('takes up the retry of an orchestrator that died, though it has an older timer of its own for the saga', async () => {
    const slow = { attemptTimeout: 600_000, readOnly: true };
    const workflow = new WorkflowBuilder('two')
      .addStep('a', 'inventory.a', slow)
      .addStep('b', 'inventory.b', { ...slow, retry: { initialDelay: 200, jitter: 'none' } })
      .build() as Workflow;
    const database = new MemoryDatabase();
    const broker = new MemoryBroker({ partitions: 1 });
    const holder = await join(database, broker, workflow);
    const starter = await join(database, broker, workflow);
    respond(broker, (command) =>
      command.step === 'b' && command.attempt === 1
        ? { outcome: 'failed', data: { error: { code: 'BUSY', message: 'busy' } } }
        : succeed(),
    );
    const sagaId = await starter.orchestrator.executeWorkflow('two', {});
    await waitFor(
      async () => JSON.stringify(await starter.orchestrator.getHistory(sagaId)).includes('retryPlanned'),
      { what: 'a retry is planned', everyMs: 5 },
    );
    holder.store.crash();
    await holder.bus.close({ drainMs: 0 });
    expect(await ended(starter.orchestrator, sagaId)).toMatchObject({ state: 'completed' });
  }, 20_000);
});
