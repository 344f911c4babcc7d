import { describe, expect, test } from '@jest/globals';
import { NonRetryable, WorkflowBuilder, type Fact, type Workflow } from '@counterstep/core';
import {
  runInProcess,
  type EndedSaga,
  type InProcessContext,
  type InProcessHandlers,
  type InProcessOptions,
} from '@counterstep/engine';
import { settled } from '../support/fleet.js';
import { VirtualClock } from '../support/virtual-clock.js';

const SECOND = 1_000;
const MINUTE = 60_000;
const plain = { jitter: 'none' } as const;
const once = { maxRetries: 0 };

/** A saga on a clock that passes when told. */
class Timed {
  readonly clock = new VirtualClock();
  readonly saga;
  ended: EndedSaga | undefined;
  error: unknown;

  constructor(workflow: Workflow, handlers: InProcessHandlers, options: InProcessOptions = {}) {
    this.saga = runInProcess(workflow, handlers, {}, { ...options, clock: this.clock });
    this.saga.then(
      (ended) => (this.ended = ended),
      (error: unknown) => (this.error = error),
    );
  }

  /** Lets so much time pass, and at each moment whatever follows from it happen. */
  async pass(ms: number): Promise<this> {
    const end = this.clock.now() + ms;
    for (await settled(); this.clock.now() < end; await settled())
      this.clock.advance(Math.min(this.clock.untilNext(), end - this.clock.now()));
    return this;
  }

  async facts<Type extends Fact['type']>(type: Type): Promise<Extract<Fact, { type: Type }>[]> {
    const history = await this.saga.history();
    return history
      .flatMap(({ facts }) => facts)
      .filter((fact): fact is Extract<Fact, { type: Type }> => fact.type === type);
  }
}

/** A handler whose promise the test settles. */
function gate() {
  const contexts: InProcessContext[] = [];
  let open: (output: unknown) => void = () => undefined;
  const output = new Promise((resolve) => (open = resolve));
  const handler = (_input: unknown, context: InProcessContext) => {
    contexts.push(context);
    return output;
  };
  return { handler, contexts, open: (value: unknown) => open(value) };
}

const lost = () => {
  throw new Error('lost');
};

describe('an action is tried again', () => {
  const workflow = new WorkflowBuilder('try')
    .addStep('pick', 'pick', { readOnly: true, retry: { maxRetries: 2, initialDelay: SECOND, ...plain } })
    .build();

  test('after the delays of its policy', async () => {
    const at: number[] = [];
    const timed = new Timed(workflow, {
      pick: (_input, { attempt }) => {
        at.push(timed.clock.now());
        return attempt < 3 ? lost() : 'found';
      },
    });
    await timed.pass(3 * SECOND);
    expect(timed.ended).toMatchObject({ state: 'completed', results: { pick: 'found' } });
    expect(at).toEqual([0, SECOND, 3 * SECOND]);
  });

  test('until there are no retries left', async () => {
    const timed = await new Timed(workflow, { pick: lost }).pass(3 * SECOND);
    expect(timed.ended).toMatchObject({
      state: 'compensated',
      cause: { code: 'HANDLER_FAILED', attempt: 3 },
    });
  });
});

describe('a handler that takes longer than its attempt may', () => {
  const workflow = (retries: number) =>
    new WorkflowBuilder('slow')
      .addStep('pick', 'pick', {
        compensation: 'put',
        attemptTimeout: MINUTE,
        retry: { maxRetries: retries, initialDelay: SECOND, ...plain },
      })
      .build();

  test('is told so, and its effect is uncertain and is undone', async () => {
    const { handler: pick, contexts } = gate();
    let undo: unknown;
    const timed = new Timed(workflow(0), { pick, put: (input) => void (undo = input) });
    await timed.pass(MINUTE - 1);
    expect(contexts[0]?.signal.aborted).toBe(false);
    await timed.pass(1);
    expect(contexts[0]?.signal.reason).toMatchObject({ name: 'TimeoutError' });
    expect(undo).toMatchObject({ outcome: 'unknown', cause: { code: 'TIMEOUT' } });
    expect(await timed.saga.status()).toMatchObject({ state: 'compensated' });
  });

  test('is not begun a second time while it runs: its answer is that of all attempts', async () => {
    const { handler: pick, contexts, open } = gate();
    const timed = new Timed(workflow(1), { pick, put: () => undefined });
    await timed.pass(MINUTE + SECOND);
    expect(await timed.facts('command')).toHaveLength(2);
    expect(contexts).toHaveLength(1);
    open('found');
    await timed.pass(0);
    expect(timed.ended).toMatchObject({ state: 'completed', results: { pick: 'found' } });
  });

  test('has more time from each heartbeat on', async () => {
    const { handler: pick, contexts, open } = gate();
    const timed = await new Timed(workflow(0), { pick, put: () => undefined }).pass(MINUTE - 1);
    void contexts[0]?.heartbeat();
    await timed.pass(MINUTE - 1);
    expect(contexts[0]?.signal.aborted).toBe(false);
    expect(await timed.saga.status()).toMatchObject({ phase: 'forward' });
    open('found');
    await timed.pass(0);
    expect(timed.ended).toMatchObject({ state: 'completed' });
  });

  test('and succeeds after its undo has begun is undone once more', async () => {
    const { handler: pick, open } = gate();
    const undos: unknown[] = [];
    const timed = new Timed(workflow(0), {
      pick,
      put: async (undo: { output?: unknown }) => {
        undos.push(undo.output);
        if (undos.length === 1) open('found');
        await settled();
      },
    });
    await timed.pass(MINUTE);
    expect(await timed.saga).toMatchObject({ state: 'compensated' });
    expect(undos).toEqual([undefined, 'found']);
    expect(await timed.facts('lateSuccess')).toMatchObject([{ step: 'pick', again: 'always' }]);
  });

  test('and outlives its saga is waited for, and what it did is told', async () => {
    const { handler: pick, open } = gate();
    const timed = await new Timed(workflow(0), { pick, put: () => undefined }).pass(MINUTE);
    expect(await timed.saga.status()).toMatchObject({ state: 'compensated', attention: [] });
    expect(timed.ended).toBeUndefined();
    open('found');
    await timed.pass(0);
    expect(timed.ended).toMatchObject({
      state: 'compensated',
      status: { attention: [{ code: 'LATE_EFFECT', step: 'pick' }] },
    });
  });

  test('and never ends is not waited for longer than the grace', async () => {
    const { handler: pick } = gate();
    const timed = new Timed(workflow(0), { pick, put: () => undefined }, { graceMs: 2 * SECOND });
    await timed.pass(MINUTE + 2 * SECOND - 1);
    expect(timed.ended).toBeUndefined();
    await timed.pass(1);
    expect(timed.ended).toMatchObject({ state: 'compensated' });
  });

  test('though it is the pivot, is waited for until a person must be asked', async () => {
    const pivot = new WorkflowBuilder('pay')
      .addStep('pay', 'pay', { pivot: true, attemptTimeout: MINUTE, retry: once })
      .build();
    const { handler: pay, open } = gate();
    const timed = await new Timed(pivot, { pay }).pass(MINUTE + SECOND);
    expect(await timed.saga.status()).toMatchObject({ attention: [{ code: 'PIVOT_UNCERTAIN' }] });
    expect(timed.error).toBeUndefined();
    open('paid');
    await timed.pass(0);
    expect(timed.ended).toMatchObject({ state: 'completed' });
    const stuck = await new Timed(pivot, { pay: gate().handler }).pass(MINUTE + 10 * SECOND);
    expect(stuck.error).toMatchObject({ code: 'PERSON_NEEDED', message: expect.stringContaining('pay') });
  });
});

describe('an undo', () => {
  const workflow = new WorkflowBuilder('undo')
    .addStep('pick', 'pick', {
      compensation: 'put',
      undoRetry: { maxRetries: 2, initialDelay: SECOND, ...plain },
    })
    .addStep('ship', 'ship', { readOnly: true, retry: once })
    .build();

  test('that fails is tried again', async () => {
    const put = (_undo: unknown, { attempt }: InProcessContext) => (attempt < 3 ? lost() : undefined);
    const timed = await new Timed(workflow, { pick: () => 1, put, ship: lost }).pass(3 * SECOND);
    expect(timed.ended).toMatchObject({ state: 'compensated' });
    expect(await timed.facts('retryPlanned')).toHaveLength(2);
  });

  test('that keeps failing is a question to a person', async () => {
    const timed = await new Timed(workflow, { pick: () => 1, put: lost, ship: lost }).pass(3 * SECOND);
    expect(timed.error).toMatchObject({ code: 'PERSON_NEEDED', status: { phase: 'attention' } });
  });
});

describe('time passes', () => {
  test('in a sleep', async () => {
    const workflow = new WorkflowBuilder('nap').sleep('rest', MINUTE).build();
    const timed = await new Timed(workflow, {}).pass(MINUTE - 1);
    expect(timed.ended).toBeUndefined();
    await timed.pass(1);
    expect(timed.ended).toMatchObject({ state: 'completed' });
  });

  test('until a signal must have come', async () => {
    const workflow = new WorkflowBuilder('ask').waitForSignal('word', { timeout: MINUTE }).build();
    const timed = await new Timed(workflow, {}).pass(MINUTE);
    expect(timed.ended).toMatchObject({ state: 'compensated', cause: { code: 'SIGNAL_TIMEOUT' } });
  });

  test('until the saga must have ended', async () => {
    const workflow = new WorkflowBuilder('long')
      .sleep('rest', 2 * MINUTE)
      .withSagaTimeout(MINUTE)
      .build();
    const timed = await new Timed(workflow, {}).pass(MINUTE);
    expect(timed.ended).toMatchObject({ state: 'cancelled', cause: { code: 'DEADLINE' } });
  });

  test('until it may start', async () => {
    const workflow = new WorkflowBuilder('one').addStep('look', 'look', { readOnly: true }).build();
    const startAt = new Date(Date.now() + MINUTE);
    const timed = await new Timed(workflow, { look: () => 1 }, { startAt }).pass(MINUTE - 5 * SECOND);
    expect(await timed.saga.status()).toMatchObject({ state: 'pending' });
    await timed.pass(5 * SECOND);
    expect(timed.ended).toMatchObject({ state: 'completed' });
  });

  test('between two calls of a definition that throws, and then a person is asked', async () => {
    const workflow = new WorkflowBuilder('odd')
      .addConditionalStep('a', 'a', () => lost(), { readOnly: true })
      .build();
    const timed = await new Timed(workflow, { a: () => 1 }).pass(10 * MINUTE);
    expect(timed.error).toMatchObject({
      code: 'PERSON_NEEDED',
      status: { attention: [{ code: 'DEFINITION_ERROR' }] },
    });
  });
});

test('a saga at attention that its deadline will undo is not given up before', async () => {
  const workflow = new WorkflowBuilder('hold')
    .addStep('pick', 'pick', 'put')
    .addStep('ship', 'ship', { readOnly: true })
    .withFailureMode('hold')
    .withSagaTimeout(MINUTE)
    .build();
  const ship = () => {
    throw new NonRetryable({ code: 'CLOSED', message: 'closed' });
  };
  const timed = await new Timed(workflow, { pick: () => 1, put: () => undefined, ship }).pass(SECOND);
  expect(await timed.saga.status()).toMatchObject({ phase: 'attention' });
  expect(timed.error).toBeUndefined();
  await timed.pass(MINUTE);
  expect(timed.ended).toMatchObject({ state: 'cancelled' });
});

test('nothing of a saga that was given up while a handler runs is left ticking', async () => {
  const workflow = new WorkflowBuilder('beside')
    .addParallelSteps([
      { name: 'pick', worker: 'pick', compensation: 'put', attemptTimeout: 60 * MINUTE },
      { name: 'pack', worker: 'pack', compensation: 'unpack', retry: once },
    ])
    .withFailureMode('hold')
    .build();
  const { handler: pick, contexts } = gate();
  const handlers = { pick, put: () => undefined, pack: lost, unpack: () => undefined };
  const timed = await new Timed(workflow, handlers, { graceMs: SECOND }).pass(0);
  await timed.saga.intervene({ verb: 'giveUp', actor: 'ann', reason: 'enough' });
  await timed.pass(SECOND);
  expect(timed.ended).toMatchObject({ state: 'failed', notUndone: ['pick', 'pack'] });
  expect(contexts[0]?.signal.reason).toMatchObject({ code: 'CANCELLED' });
  expect(timed.clock.untilNext()).toBe(Infinity);
});
