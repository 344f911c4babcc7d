import { describe, expect, test } from '@jest/globals';
import { NonRetryable, StepRejected, UndoDataInvalid, WorkflowBuilder, type Undo } from '@counterstep/core';
import {
  runInProcess,
  type InProcessContext,
  type InProcessHandler,
  type InProcessHandlers,
} from '../index.js';

const soon = { initialDelay: 1, jitter: 'none' } as const;

/** A saga of one step, whose action and compensation note what they were given. */
async function runOne(fly: InProcessHandler, retry: { maxRetries: number } = { maxRetries: 0 }) {
  const workflow = new WorkflowBuilder('trip')
    .addStep('flight', 'fly', { compensation: 'stay', retry: { ...soon, ...retry } })
    .build();
  const calls: [string, unknown][] = [];
  const handlers: InProcessHandlers = {
    fly: (input, context) => {
      calls.push(['fly', input]);
      return fly(input, context);
    },
    stay: (undo) => void calls.push(['stay', undo]),
  };
  const ended = await runInProcess(workflow, handlers, {});
  return {
    ended,
    calls: calls.map(([name]) => name),
    undo: calls.find(([name]) => name === 'stay')?.[1] as Undo,
  };
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => {
      throw new Error('it did not reject');
    },
    (error: unknown) => error,
  );

describe('a handler', () => {
  test('is told which command it serves', async () => {
    let seen: Partial<InProcessContext> = {};
    const workflow = new WorkflowBuilder('one').addStep('look', 'look', { readOnly: true }).build();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const look = (_input: unknown, { signal: _, ...context }: InProcessContext) => void (seen = context);
    const { sagaId } = await runInProcess(workflow, { look }, {}, { traceparent });
    expect(seen).toMatchObject({
      sagaId,
      step: 'look',
      run: 1,
      attempt: 1,
      direction: 'forward',
      traceparent,
    });
    expect(seen.effectKey).toBe(`${sagaId}/look/1/forward`);
  });

  test('gets a copy of its input, and what it gives is a copy too', async () => {
    const given = { list: [1] };
    const workflow = new WorkflowBuilder('two')
      .addStep('a', 'a', { readOnly: true })
      .addStep('b', 'b', { readOnly: true })
      .build();
    const result = { n: 1 };
    const ended = await runInProcess(
      workflow,
      {
        a: (input: { list: number[] }) => {
          input.list.push(2);
          return result;
        },
        b: (input: { list: number[]; a: { n: number } }) => {
          result.n = 5;
          return [input.list, input.a];
        },
      },
      given,
    );
    expect(ended.results).toEqual({ a: { n: 1 }, b: [[1], { n: 1 }] });
    expect(given).toEqual({ list: [1] });
  });

  test('that throws NonRetryable is not asked again', async () => {
    const closed = new NonRetryable({ code: 'CLOSED', message: 'closed' });
    const { ended, calls } = await runOne(() => Promise.reject(closed), { maxRetries: 5 });
    expect(ended).toMatchObject({ state: 'compensated', cause: { code: 'CLOSED' } });
    expect(calls).toEqual(['fly', 'stay']);
  });

  test('that rejects is not undone', async () => {
    const full = new StepRejected({ code: 'FULL', message: 'full' });
    const { ended, calls } = await runOne(() => Promise.reject(full), { maxRetries: 5 });
    expect(ended).toMatchObject({ state: 'compensated', cause: { code: 'FULL' } });
    expect(calls).toEqual(['fly']);
  });

  test('that rejects after an attempt which may have done something is undone', async () => {
    const full = new StepRejected({ code: 'FULL', message: 'full' });
    const fly: InProcessHandler = (_input, { attempt }) =>
      Promise.reject(attempt === 1 ? new Error('lost') : full);
    const { ended, calls } = await runOne(fly, { maxRetries: 5 });
    expect(ended).toMatchObject({ state: 'compensated', cause: { code: 'FULL', attempt: 2 } });
    expect(calls).toEqual(['fly', 'fly', 'stay']);
  });

  test.each<[string, () => unknown, string]>([
    ['gives what is no JSON has failed', () => 10n, 'OUTPUT_INVALID'],
    ['gives more than a message may have has failed', () => 'x'.repeat(1024 * 1024), 'REPLY_TOO_LARGE'],
    [
      'throws what cannot be shown has failed all the same',
      () => {
        throw Object.create(null);
      },
      'HANDLER_FAILED',
    ],
  ])('that %s', async (_, fly, code) => {
    const { ended, undo } = await runOne(fly);
    expect(ended).toMatchObject({ state: 'compensated', cause: { code } });
    expect(undo).toMatchObject({ outcome: 'failed' });
  });

  test('that asks for a transaction is told that there is none', async () => {
    const { ended } = await runOne((_input, context) => (context as { tx?: unknown }).tx);
    expect(ended).toMatchObject({ cause: { code: 'NO_TRANSACTION' } });
    const copied = await runOne((_input, context) => ({ ...context }).attempt);
    expect(copied.ended).toMatchObject({ results: { flight: 1 } });
  });

  test('may tell how far it is', async () => {
    const told: unknown[] = [];
    const workflow = new WorkflowBuilder('one').addStep('look', 'look', { readOnly: true }).build();
    const look = (_input: unknown, context: InProcessContext) => {
      context.setProgress(1, 4);
      context.log('sent', { to: 'bank' }, 'a.txt');
      context.setMetrics({ bytes: 7 }, 'net');
    };
    const sink = {
      progress: ({ step }: { step: string }, ...rest: unknown[]) => told.push(['progress', step, ...rest]),
      log: (_: unknown, ...rest: unknown[]) => told.push(['log', ...rest]),
      metrics: (_: unknown, ...rest: unknown[]) => told.push(['metrics', ...rest]),
    };
    await runInProcess(workflow, { look }, {}, { sink });
    expect(told).toEqual([
      ['progress', 'look', 1, 4, 'look'],
      ['log', 'sent', { to: 'bank' }, 'a.txt'],
      ['metrics', { bytes: 7 }, 'net'],
    ]);
  });
});

describe('a heartbeat', () => {
  test('carries undo data to the compensation of a handler that fails', async () => {
    const { undo } = await runOne(async (_input, { heartbeat }) => {
      await heartbeat({ booking: 'b-1' });
      throw new Error('lost');
    });
    expect(undo).toMatchObject({ outcome: 'failed', undoData: { booking: 'b-1' } });
  });

  test('that tells the same again, or nothing but life, is no news', async () => {
    const { ended } = await runOne(async (_input, { heartbeat }) => {
      await heartbeat({ booking: 'b-1' });
      await heartbeat();
      await heartbeat({ booking: 'b-1' });
      await heartbeat({ booking: 'b-2' });
      throw new Error('lost');
    });
    const kinds = ended.history.flatMap(({ facts }) => facts.map(({ type }) => type));
    expect(kinds.filter((kind) => kind === 'heartbeat')).toHaveLength(2);
  });

  test('with what cannot be stored rejects, and harms nobody who does not wait for it', async () => {
    let error: unknown;
    await runOne(async (_input, { heartbeat }) => {
      void heartbeat(() => 1);
      error = await rejection(heartbeat(10n));
    });
    expect(error).toBeInstanceOf(UndoDataInvalid);
  });

  test('that is too large rejects', async () => {
    let error: unknown;
    await runOne(async (_input, { heartbeat }) => {
      error = await rejection(heartbeat('x'.repeat(1024 * 1024)));
    });
    expect(error).toMatchObject({ code: 'HEARTBEAT_TOO_LARGE' });
  });

  test('of a run that has ended is not heard', async () => {
    let former: InProcessContext | undefined;
    const { ended } = await runOne(
      async (_input, context) => {
        if (former) return former.heartbeat({ late: true });
        former = context;
        throw new Error('lost');
      },
      { maxRetries: 1 },
    );
    expect(ended).toMatchObject({ state: 'completed' });
    expect(JSON.stringify(ended.history)).not.toContain('late');
  });
});
