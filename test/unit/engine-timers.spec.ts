import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WorkflowBuilder, decide, type Fact, type Workflow } from '@counterstep/core';
import type { Orchestrator } from '@counterstep/engine';
import type { Command } from '@counterstep/protocol';
import { StoreClock } from '../../libs/engine/src/clock.js';
import { Timers } from '../../libs/engine/src/timers.js';
import { Fleet, reached, settled, succeed } from '../support/fleet.js';
import type { Answer, Responder } from '../support/responder.js';
import { VirtualClock } from '../support/virtual-clock.js';

const MINUTE = 60_000;
const once = { maxRetries: 0 };

let clock: VirtualClock;
let fleet: Fleet;
let answers: (command: Command) => Answer | undefined;
let responder: Responder;

beforeEach(() => {
  clock = new VirtualClock();
  fleet = new Fleet(clock);
  answers = () => succeed();
  responder = fleet.respond((command) => answers(command), 'stock', 'bank');
});

afterEach(async () => {
  expect(fleet.database.hanging(10)).toEqual([]);
  await fleet.close();
});

async function started(workflow: Workflow): Promise<{ orchestrator: Orchestrator; sagaId: string }> {
  const { orchestrator } = await fleet.join([workflow]);
  const sagaId = await orchestrator.executeWorkflow(workflow.name, {});
  await settled();
  return { orchestrator, sagaId };
}

async function facts<Type extends Fact['type']>(
  orchestrator: Orchestrator,
  sagaId: string,
  type: Type,
): Promise<Extract<Fact, { type: Type }>[]> {
  await settled();
  const history = await orchestrator.getHistory(sagaId);
  return history
    .flatMap((record) => record.facts)
    .filter((fact): fact is Extract<Fact, { type: Type }> => fact.type === type);
}

const stateOf = async (orchestrator: Orchestrator, sagaId: string): Promise<string> =>
  (await orchestrator.getStatus(sagaId)).state;

describe('what a saga waits for ends at its time', () => {
  test('a sleep', async () => {
    const { orchestrator, sagaId } = await started(new WorkflowBuilder('nap').sleep('rest', MINUTE).build());
    await fleet.pass(MINUTE - 1);
    expect(await stateOf(orchestrator, sagaId)).toBe('running');
    await fleet.pass(1);
    expect(await stateOf(orchestrator, sagaId)).toBe('completed');
  });

  test('a wait for a signal, and the saga is undone', async () => {
    const workflow = new WorkflowBuilder('ask')
      .addStep('pick', 'stock.pick', 'stock.put')
      .waitForSignal('word', { timeout: MINUTE })
      .build();
    const { orchestrator, sagaId } = await started(workflow);
    await fleet.pass(MINUTE - 1);
    expect(await stateOf(orchestrator, sagaId)).toBe('running');
    await fleet.pass(1);
    expect(await reached(orchestrator, sagaId, 'compensated')).toMatchObject({
      cause: { code: 'SIGNAL_TIMEOUT', step: 'word' },
    });
  });

  test('the whole saga, though an attempt of it has more time', async () => {
    const workflow = new WorkflowBuilder('slow')
      .addStep('pick', 'stock.pick', { compensation: 'stock.put', attemptTimeout: 10 * MINUTE })
      .withSagaTimeout(MINUTE)
      .build();
    answers = ({ direction }) => (direction === 'undo' ? succeed() : undefined);
    const { orchestrator, sagaId } = await started(workflow);
    await fleet.pass(MINUTE - 1);
    expect(await orchestrator.getStatus(sagaId)).toMatchObject({ phase: 'forward' });
    await fleet.pass(1);
    expect(await orchestrator.getStatus(sagaId)).toMatchObject({ phase: 'cancelling' });
    const [command] = responder.received;
    if (command) await responder.reply(command, succeed());
    expect(await reached(orchestrator, sagaId, 'cancelled')).toMatchObject({ cause: { code: 'DEADLINE' } });
    expect(responder.workers).toEqual(['stock.pick', 'stock.put']);
  });

  test('the pause after the code of the definition has thrown', async () => {
    let calls = 0;
    const workflow = new WorkflowBuilder('moody')
      .addConditionalStep('pick', 'stock.pick', () => (calls += 1) > 1 || fail(), 'stock.put')
      .build();
    const { orchestrator, sagaId } = await started(workflow);
    const [stalled] = await facts(orchestrator, sagaId, 'stalled');
    expect(stalled).toMatchObject({ step: 'pick', tries: 1, delay: expect.any(Number) });
    await fleet.pass(stalled?.delay ?? 0);
    expect(await stateOf(orchestrator, sagaId)).toBe('completed');
    expect(calls).toBe(2);
  });
});

describe('a pause', () => {
  test('stops the timers, and what became due meanwhile happens at its end', async () => {
    const { orchestrator, sagaId } = await started(new WorkflowBuilder('nap').sleep('rest', MINUTE).build());
    await orchestrator.pause(sagaId);
    await fleet.pass(2 * MINUTE);
    expect(await orchestrator.getStatus(sagaId)).toMatchObject({ state: 'running', phase: 'paused' });
    await orchestrator.resume(sagaId);
    await fleet.pass(0);
    expect(await stateOf(orchestrator, sagaId)).toBe('completed');
  });

  test('gives an attempt that is out its time anew, and then it is over', async () => {
    const workflow = new WorkflowBuilder('slow')
      .addStep('pick', 'stock.pick', { readOnly: true, attemptTimeout: MINUTE, retry: once })
      .build();
    answers = () => undefined;
    const { orchestrator, sagaId } = await started(workflow);
    await orchestrator.pause(sagaId);
    await fleet.pass(2 * MINUTE);
    await orchestrator.resume(sagaId);
    await fleet.pass(MINUTE - 1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
    await fleet.pass(1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toMatchObject([{ error: { code: 'TIMEOUT' } }]);
  });
});

describe('a sign of life', () => {
  test('puts the deadline of its attempt off, but not beyond that of the step', async () => {
    const workflow = new WorkflowBuilder('long')
      .addStep('pick', 'stock.pick', {
        readOnly: true,
        attemptTimeout: MINUTE,
        stepTimeout: 150_000,
        retry: once,
      })
      .build();
    answers = () => undefined;
    const { orchestrator, sagaId } = await started(workflow);
    const [command] = responder.received as [Command];
    for (let n = 0; n < 2; n += 1) {
      await fleet.pass(50_000);
      await responder.beat(command);
    }
    await fleet.pass(49_999);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
    const records = await orchestrator.getHistory(sagaId);
    expect(records.map(({ event }) => event)).toEqual(['start']);
    await fleet.pass(1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toHaveLength(1);
  });

  test('keeps its saga from counting as overdue, at whichever orchestrator it is looked at', async () => {
    const workflow = new WorkflowBuilder('long')
      .addParallelSteps([
        { name: 'pick', worker: 'stock.pick', readOnly: true, attemptTimeout: MINUTE },
        { name: 'count', worker: 'stock.count', readOnly: true, attemptTimeout: 600 * MINUTE },
      ])
      .build();
    answers = () => undefined;
    const { orchestrator, sagaId } = await started(workflow);
    const other = await fleet.join([workflow]);
    const pick = responder.received.find(({ step }) => step === 'pick') as Command;
    for (let n = 0; n < 20; n += 1) {
      await fleet.pass(MINUTE / 3);
      await responder.beat(pick);
      await fleet.pass(1_000);
      expect(await other.store.vitals(fleet.database.now())).toMatchObject({ overdue: 0 });
    }
    await fleet.pass(MINUTE - 1_001);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
    await fleet.pass(1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toHaveLength(1);
    await orchestrator.terminate(sagaId, { reason: 'enough' });
  });

  test('with undo data is a transition that moves the deadline, and the undo is given the data', async () => {
    const workflow = new WorkflowBuilder('long')
      .addStep('pick', 'stock.pick', { compensation: 'stock.put', attemptTimeout: MINUTE, retry: once })
      .build();
    answers = ({ direction }) => (direction === 'undo' ? succeed() : undefined);
    const { orchestrator, sagaId } = await started(workflow);
    await fleet.pass(50_000);
    await responder.beat(responder.received[0] as Command, { shelf: 7 });
    expect(await facts(orchestrator, sagaId, 'heartbeat')).toMatchObject([{ timeout: MINUTE }]);
    await fleet.pass(MINUTE - 1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
    expect(await stateOf(orchestrator, sagaId)).toBe('running');
    await fleet.pass(1);
    await reached(orchestrator, sagaId, 'compensated');
    expect(responder.received[1]?.data).toMatchObject({ undoData: { shelf: 7 }, outcome: 'unknown' });
  });
});

describe('a command that must be picked up within a time', () => {
  const workflow = new WorkflowBuilder('urgent')
    .addParallelSteps([
      {
        name: 'pick',
        worker: 'depot.pick',
        readOnly: true,
        attemptTimeout: 10 * MINUTE,
        pickUpTimeout: MINUTE,
        retry: once,
      },
      { name: 'charge', worker: 'bank.charge', readOnly: true, attemptTimeout: 20 * MINUTE },
    ])
    .build();

  beforeEach(() => {
    answers = () => undefined;
  });

  test('is given up when it still lies in its queue', async () => {
    const { orchestrator, sagaId } = await started(workflow);
    await fleet.pass(MINUTE - 1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
    await fleet.pass(1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toMatchObject([
      { step: 'pick', error: { code: 'NOT_PICKED_UP' } },
    ]);
  });

  test('has its whole time once somebody has taken it', async () => {
    const taker = fleet.respond(() => undefined, 'depot');
    const { orchestrator, sagaId } = await started(workflow);
    expect(taker.received).toHaveLength(1);
    await fleet.pass(10 * MINUTE - 1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
    await fleet.pass(1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toMatchObject([
      { step: 'pick', error: { code: 'TIMEOUT' } },
    ]);
  });

  test.each([
    ['a bare sign of life', undefined, 0],
    ['one with undo data', { shelf: 7 }, 1],
  ])(
    'has its whole time after %s, whatever else happens to its saga, and then was too slow',
    async (_, undoData, count) => {
      const { held } = await holding('depot');
      const { orchestrator, sagaId } = await started(workflow);
      const command = held[0] as Command;
      await responder.beat(command, undoData);
      expect(await facts(orchestrator, sagaId, 'heartbeat')).toHaveLength(count);
      const charge = responder.received[0] as Command;
      await responder.reply(charge, succeed());
      await fleet.pass(10 * MINUTE - 1);
      expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
      await fleet.pass(1);
      expect(await facts(orchestrator, sagaId, 'timedOut')).toMatchObject([
        { step: 'pick', error: { code: 'TIMEOUT' } },
      ]);
    },
  );
});

describe('a command that the broker has not taken', () => {
  const workflow = new WorkflowBuilder('told')
    .addStep('pick', 'stock.pick', { readOnly: true, attemptTimeout: MINUTE, retry: once })
    .waitForSignal('word', { timeout: 600 * MINUTE })
    .build();

  test.each([
    ['its saga is told something', false],
    ['its lane is taken over, and its saga is told something', true],
  ])('uses up no time when %s', async (_, isTakenOver) => {
    const { orchestrator } = await fleet.join([workflow]);
    await settled();
    fleet.broker.available = false;
    const sagaId = await orchestrator.executeWorkflow('told', {});
    if (isTakenOver) await takeOver(orchestrator);
    await orchestrator.signal(sagaId, 'word');
    await fleet.pass(5 * MINUTE);
    answers = () => undefined;
    fleet.broker.available = true;
    await fleet.pass(MINUTE - 1);
    expect(await facts(orchestrator, sagaId, 'timedOut')).toEqual([]);
    await responder.reply(responder.received[0] as Command, succeed());
    await reached(orchestrator, sagaId, 'completed');
  });
});

test("what comes early, as the store's clock was thought to be ahead, waits for its time", () => {
  const storeClock = new StoreClock(clock);
  storeClock.learn(10_500, clock.now());
  const due: number[] = [];
  const nothing = (): undefined => undefined;
  const timers = new Timers({
    clock,
    storeClock,
    onDue: () => due.push(storeClock.now()),
    onExpired: nothing,
    onPickUpDue: nothing,
    onPutOff: nothing,
    pickUpTimeout: nothing,
  });
  const workflow = new WorkflowBuilder('later').addStep('pick', 'stock.pick', 'stock.put').build();
  const sagaId = '01900000-0000-7000-8000-000000000001';
  const startAt = storeClock.now() + MINUTE;
  const start = { type: 'start', sagaId, input: {}, startAt } as const;
  const decision = decide(workflow, undefined, start, { now: storeClock.now(), random: 0 });
  if (decision.kind !== 'applied') throw new Error(decision.kind);
  timers.moved(decision.saga);
  clock.advance(1_000);
  storeClock.learn(11_000, clock.now());
  clock.advance(MINUTE - 1_000);
  expect(due).toEqual([]);
  clock.advance(1_000);
  expect(due).toEqual([startAt]);
});

/** The lane loses its lock, notices it with the next commit, and goes on as another one. */
async function takeOver(orchestrator: Orchestrator): Promise<void> {
  for (const row of fleet.database.lanes.values()) {
    row.epoch += 1;
    row.holder = undefined;
  }
  await expect(orchestrator.executeWorkflow('told', {})).rejects.toMatchObject({ code: 'LANE_LOST' });
  await fleet.pass(1_000);
}

/** A worker that has taken its commands in hand and says nothing. */
async function holding(queue: string): Promise<{ held: Command[] }> {
  const held: Command[] = [];
  const bus = fleet.broker.connect();
  bus.subscribe({
    group: `counterstep.worker.${queue}`,
    topics: [`counterstep.commands.${queue}`],
    onDeliveries: (deliveries) => {
      for (const { value } of deliveries)
        held.push(JSON.parse(Buffer.from(value ?? []).toString()) as Command);
    },
  });
  return Promise.resolve({ held });
}

function fail(): never {
  throw new Error('not in the mood');
}
