import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import {
  NonRetryable,
  StepRejected,
  ValidationError,
  WorkflowBuilder,
  withUndoData,
} from '@counterstep/core';
import {
  PersonNeededError,
  runInProcess,
  systemClock,
  type Clock,
  type InProcessHandlers,
} from '../index.js';

const once = { maxRetries: 0 };

const trip = new WorkflowBuilder('trip', { input: z.object({ city: z.string() }) })
  .addStep('flight', 'travel.fly', { compensation: 'travel.stay-home', retry: once })
  .addStep('hotel', 'travel.sleep', { compensation: 'travel.leave', retry: once })
  .build();

/** Handlers that note what was asked of them. */
function noting(given: InProcessHandlers): { handlers: InProcessHandlers; calls: [string, unknown][] } {
  const calls: [string, unknown][] = [];
  const handlers = Object.fromEntries(
    Object.entries(given).map(([name, handler]): [string, InProcessHandlers[string]] => [
      name,
      (input, context) => {
        calls.push([name, input]);
        return handler(input, context);
      },
    ]),
  );
  return { handlers, calls };
}

const well: InProcessHandlers = {
  'travel.fly': () => ({ seat: '12A' }),
  'travel.stay-home': () => undefined,
  'travel.sleep': () => 'room 7',
  'travel.leave': () => undefined,
};

const refuse = (code: string) => () => {
  throw new StepRejected({ code, message: code.toLowerCase() });
};
const fail = (message: string) => () => {
  throw new Error(message);
};

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not reject');
    },
    (error: unknown) => error,
  );
}

describe('a saga in process ends', () => {
  test('completed, with what its steps gave', async () => {
    const workflow = new WorkflowBuilder('order', { input: z.object({ amount: z.number().default(3) }) })
      .addStep('charge', 'pay', { readOnly: true, output: z.object({ id: z.string() }), writes: ['id'] })
      .build();
    const ended = await runInProcess(
      workflow,
      { pay: (input: { amount: number }) => ({ id: `c-${input.amount}` }) },
      { amount: 5 },
    );
    expect(ended).toMatchObject({ state: 'completed', cause: null, notUndone: [] });
    // Of the type that the schema has.
    const id: string | undefined = ended.results.charge?.id;
    expect([id, ended.results]).toEqual(['c-5', { charge: { id: 'c-5' } }]);
    expect([ended.context.get('id'), ended.context.get('amount')]).toEqual(['c-5', 5]);
    expect(ended.status).toMatchObject({ sagaId: ended.sagaId, progress: 100 });
    expect(ended.history.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('compensated, in the reverse order, each undo being told what it undoes', async () => {
    const workflow = new WorkflowBuilder('order')
      .addStep('reserve', 'reserve', 'release')
      .addStep('charge', 'charge', { compensation: 'refund', retry: once })
      .addStep('ship', 'ship', 'unship')
      .build();
    const { handlers, calls } = noting({
      reserve: () => withUndoData({ items: 2 }, { shelf: 4 }),
      release: () => undefined,
      charge: () => ({ id: 'c-1' }),
      refund: () => undefined,
      ship: refuse('UNDELIVERABLE'),
      unship: () => undefined,
    });
    const ended = await runInProcess(workflow, handlers, { order: 9 });
    const cause = { code: 'UNDELIVERABLE', message: 'undeliverable' };
    expect(ended).toMatchObject({ state: 'compensated', cause: { ...cause, step: 'ship', attempt: 1 } });
    expect(calls.map(([name]) => name)).toEqual(['reserve', 'charge', 'ship', 'refund', 'release']);
    const reserved = { items: 2 };
    expect(calls.slice(3).map(([, undo]) => undo)).toEqual([
      { input: { order: 9, reserve: reserved }, output: { id: 'c-1' }, outcome: 'succeeded', cause },
      { input: { order: 9 }, output: reserved, undoData: { shelf: 4 }, outcome: 'succeeded', cause },
    ]);
  });

  test('compensated, the failed step first, when it is not certain that it did nothing', async () => {
    const { handlers, calls } = noting({ ...well, 'travel.sleep': fail('no line') });
    const ended = await runInProcess(trip, handlers, { city: 'Rome' });
    expect(ended).toMatchObject({
      state: 'compensated',
      cause: { code: 'HANDLER_FAILED', message: 'no line' },
    });
    expect(calls.map(([name]) => name).slice(2)).toEqual(['travel.leave', 'travel.stay-home']);
    expect(calls[2]?.[1]).toMatchObject({ outcome: 'failed' });
  });

  test('cancelled, when that is asked for', async () => {
    const workflow = new WorkflowBuilder('ask')
      .addStep('flight', 'travel.fly', 'travel.stay-home')
      .waitForSignal('agreed', { timeout: 60_000 })
      .build();
    const { handlers, calls } = noting(well);
    const saga = runInProcess(workflow, handlers, {});
    await saga.cancel({ actor: 'ann', reason: 'changed her mind' });
    const ended = await saga;
    expect(ended).toMatchObject({ state: 'cancelled', cause: { message: 'changed her mind' } });
    expect(calls.map(([name]) => name)).toEqual(['travel.fly', 'travel.stay-home']);
  });
});

describe('nothing runs', () => {
  test('when handlers are missing, which are all named', async () => {
    const child = new WorkflowBuilder('child').addStep('pack', 'stock.pack', 'stock.unpack').build();
    const workflow = new WorkflowBuilder('parent')
      .addStep('first', 'here', { readOnly: true })
      .addParallelSteps([
        { name: 'left', worker: 'left', compensation: 'unleft' },
        { name: 'right', worker: 'right', readOnly: true },
      ])
      .addWorkflow('inner', child)
      .addMap('each', { over: () => [], worker: 'one.item', readOnly: true })
      .build();
    const { handlers, calls } = noting({ here: () => 1, left: () => 1 });
    const odd = { ...handlers, unleft: 'no function' } as unknown as InProcessHandlers;
    const error = await rejection(runInProcess(workflow, odd, {}));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({
      code: 'HANDLER_MISSING',
      message: expect.stringContaining('stock.pack, stock.unpack'),
      problems: [
        { code: 'HANDLER_MISSING', step: 'left', message: expect.stringContaining('unleft') },
        { step: 'right', message: expect.stringContaining('right') },
        { step: 'inner/pack', message: expect.stringContaining('stock.pack, the action') },
        { step: 'inner/pack', message: expect.stringContaining('stock.unpack, the compensation') },
        { step: 'each/*', message: expect.stringContaining('one.item') },
      ],
    });
    expect(calls).toEqual([]);
  });

  test('when the input is not what the workflow asks for', async () => {
    const { handlers, calls } = noting(well);
    const saga = runInProcess(trip, handlers, { city: 5 } as never);
    expect(await rejection(saga)).toMatchObject({ code: 'INPUT_INVALID', problems: [{ path: 'city' }] });
    expect(await rejection(saga.status())).toMatchObject({ code: 'INPUT_INVALID' });
    expect(calls).toEqual([]);
  });

  test('when it was aborted before', async () => {
    const { handlers, calls } = noting(well);
    const reason = new Error('too late');
    const signal = AbortSignal.abort(reason);
    expect(await rejection(runInProcess(trip, handlers, { city: 'Rome' }, { signal }))).toBe(reason);
    expect(calls).toEqual([]);
  });

  test('when it is no workflow that could be started', async () => {
    const part = new WorkflowBuilder('part').addStep('a', 'a', { readOnly: true }).build({ part: true });
    expect(await rejection(runInProcess(part, { a: () => 1 }, {}))).toMatchObject({
      code: 'PART_OF_WORKFLOW',
    });
    expect(await rejection(runInProcess({} as never, {}, {}))).toMatchObject({ code: 'NOT_A_WORKFLOW' });
  });
});

describe('while it runs', () => {
  const ask = new WorkflowBuilder('ask')
    .addStep('flight', 'travel.fly', 'travel.stay-home')
    .waitForApproval('boss', { timeout: 60_000 })
    .build();

  test('it can be asked how it is, and why it waits', async () => {
    const saga = runInProcess(ask, well, {});
    expect(await saga.status()).toMatchObject({ state: 'running', workflow: 'ask' });
    await saga.signal('boss', { data: { approved: true } });
    const { sagaId } = await saga;
    expect(await saga.status()).toMatchObject({ sagaId, state: 'completed' });
    expect(await saga.explain()).toMatchObject({ reasons: [{ kind: 'ended' }] });
    expect((await saga.history()).at(-1)?.facts).toContainEqual({ type: 'finished', state: 'completed' });
  });

  test('a signal reaches it, also one that comes early', async () => {
    const early = runInProcess(ask, well, {});
    await early.signal('boss', { data: { approved: false, reason: 'no' } });
    expect(await early).toMatchObject({ state: 'compensated' });
  });

  test('what it does not wait for is refused, and all is once it is over', async () => {
    const saga = runInProcess(ask, well, {});
    expect(await rejection(saga.signal('nobody'))).toMatchObject({ code: 'UNKNOWN_SIGNAL' });
    await saga.cancel();
    await saga;
    const closed = { code: 'SAGA_CLOSED' };
    expect(await rejection(saga.cancel())).toMatchObject(closed);
    expect(await rejection(saga.signal('boss'))).toMatchObject(closed);
  });

  test('an abort cancels it', async () => {
    const abort = new AbortController();
    const { handlers, calls } = noting(well);
    const saga = runInProcess(ask, handlers, {}, { signal: abort.signal });
    await saga.status();
    abort.abort(new Error('the user left'));
    expect(await saga).toMatchObject({ state: 'cancelled', cause: { message: 'the user left' } });
    expect(calls.at(-1)?.[0]).toBe('travel.stay-home');
  });

  test('a handler that runs is told of the abort', async () => {
    const abort = new AbortController();
    let reason: unknown;
    const saga = runInProcess(
      trip,
      {
        ...well,
        'travel.sleep': (_input, { signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              reason = signal.reason;
              reject(signal.reason as Error);
            });
            abort.abort();
          }),
      },
      { city: 'Rome' },
      { signal: abort.signal },
    );
    expect(await saga).toMatchObject({ state: 'cancelled' });
    expect(reason).toMatchObject({ code: 'CANCELLED' });
  });

  test('an abort after the pivot comes too late', async () => {
    const abort = new AbortController();
    const workflow = new WorkflowBuilder('pay')
      .addStep('pay', 'pay', { pivot: true })
      .addStep('tell', 'tell', { retriable: true })
      .build();
    const handlers = { pay: () => 1, tell: () => abort.abort() };
    expect(await runInProcess(workflow, handlers, {}, { signal: abort.signal })).toMatchObject({
      state: 'completed',
    });
  });
});

describe('a saga that only a person can move', () => {
  const stuck = new WorkflowBuilder('stuck')
    .addStep('charge', 'charge', { compensation: 'refund', undoRetry: once })
    .addStep('ship', 'ship', { readOnly: true })
    .build();
  const handlers: InProcessHandlers = {
    charge: () => ({ id: 'c-1' }),
    refund: () => {
      throw new NonRetryable({ code: 'ACCOUNT_CLOSED', message: 'the account is closed' });
    },
    ship: refuse('UNDELIVERABLE'),
  };

  test('rejects with the reason and all that is known', async () => {
    const saga = runInProcess(stuck, handlers, {});
    const error = await rejection(saga);
    expect(error).toBeInstanceOf(PersonNeededError);
    expect(error).toMatchObject({
      code: 'PERSON_NEEDED',
      retryable: false,
      message: expect.stringContaining('charge'),
      status: {
        state: 'running',
        phase: 'attention',
        attention: [{ code: 'COMPENSATION_FAILED', step: 'charge' }],
      },
      explanation: { reasons: [{ kind: 'attention' }, { kind: 'undoing' }] },
    });
    expect((error as PersonNeededError).history.length).toBeGreaterThan(2);
    expect(await saga.status()).toMatchObject({ phase: 'attention' });
  });

  test('goes on when somebody decides', async () => {
    const asked: string[] = [];
    const ended = await runInProcess(
      stuck,
      handlers,
      {},
      {
        onAttention: async (saga, { text }) => {
          asked.push(text);
          const words = { actor: 'ann', reason: 'paid by cheque' };
          await saga.intervene({ verb: 'resolve', step: 'charge', evidence: 'cheque 17', ...words });
        },
      },
    );
    expect(ended).toMatchObject({ state: 'compensated', cause: { code: 'UNDELIVERABLE' } });
    expect(asked).toHaveLength(1);
  });

  test('ends failed when somebody gives up, and names what stands', async () => {
    const ended = await runInProcess(
      stuck,
      handlers,
      {},
      { onAttention: (saga) => saga.intervene({ verb: 'giveUp', actor: 'ann', reason: 'small sum' }) },
    );
    expect(ended).toMatchObject({ state: 'failed', notUndone: ['charge'] });
  });

  test('is asked about again when the decision has not helped', async () => {
    let asked = 0;
    const error = await rejection(
      runInProcess(
        stuck,
        handlers,
        {},
        {
          onAttention: async (saga) => {
            asked += 1;
            if (asked < 3) await saga.intervene({ verb: 'retry', actor: 'ann', reason: 'once more' });
          },
        },
      ),
    );
    expect(asked).toBe(3);
    expect(error).toMatchObject({ code: 'PERSON_NEEDED' });
  });

  test('is one that holds instead of being undone, too', async () => {
    let tries = 0;
    const flaky: InProcessHandlers = {
      ...well,
      'travel.sleep': () => ((tries += 1) === 1 ? refuse('FULL')() : 'room 7'),
    };
    const hold = { failureMode: 'hold' } as const;
    const input = { city: 'Rome' };
    expect(await rejection(runInProcess(trip, flaky, input, hold))).toMatchObject({ code: 'PERSON_NEEDED' });
    tries = 0;
    const retry = { verb: 'retry', actor: 'ann', reason: 'there is room now' } as const;
    const onAttention = {
      onAttention: (saga: { intervene(by: typeof retry): unknown }) => saga.intervene(retry),
    };
    expect(await runInProcess(trip, flaky, input, { ...hold, ...onAttention })).toMatchObject({
      state: 'completed',
      results: { hotel: 'room 7' },
    });
  });

  test('rejects as who is asked does', async () => {
    const onAttention = fail('nobody at home');
    expect(await rejection(runInProcess(stuck, handlers, {}, { onAttention }))).toMatchObject({
      message: 'nobody at home',
    });
  });
});

test('many sagas run beside one another, and nothing is left of them', async () => {
  const ticking = new Set<object>();
  const clock: Clock = {
    now: () => systemClock.now(),
    after: (ms, run) => {
      const timer = {};
      ticking.add(timer);
      const cancel = systemClock.after(ms, () => {
        ticking.delete(timer);
        run();
      });
      return () => {
        ticking.delete(timer);
        cancel();
      };
    },
  };
  const handlers = { ...well, 'travel.fly': (input: { city: string }) => input.city };
  const cities = Array.from({ length: 50 }, (_, at) => `city ${at}`);
  const ended = await Promise.all(cities.map((city) => runInProcess(trip, handlers, { city }, { clock })));
  expect(ended.map(({ results }) => results.flight)).toEqual(cities);
  expect(new Set(ended.map(({ sagaId }) => sagaId)).size).toBe(50);
  expect(ticking.size).toBe(0);
});
