import { describe, expect, test } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import * as z from 'zod';
import { runInProcess } from '../index.js';
import type { InProcessHandlers, InProcessOptions, Logger } from '../index.js';

const once = { maxRetries: 0 };

const trip = new WorkflowBuilder('trip')
  .addStep('fly', 'fly', { compensation: 'undo', retry: once })
  .addStep('sleep', 'sleep', { compensation: 'undo', retry: once })
  .build();
const asked = new WorkflowBuilder('asked').waitForSignal('go', { timeout: 60_000 }).build();

/** Handlers that end well but for those given, and what ran. */
function traced(given: InProcessHandlers = {}): { handlers: InProcessHandlers; ran: string[] } {
  const ran: string[] = [];
  const all: InProcessHandlers = { fly: () => 1, sleep: () => 2, undo: () => 3, ...given };
  const handlers = Object.fromEntries(
    Object.entries(all).map(([name, handler]): [string, InProcessHandlers[string]] => [
      name,
      (input, context) => {
        ran.push(name === 'undo' ? `undo ${context.step}` : name);
        return handler(input, context);
      },
    ]),
  );
  return { handlers, ran };
}

const unreadable = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const throwing = (value: unknown) => (): never => {
  throw value;
};
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(throwing('it resolved'), (error: unknown) => error);

test('a handler that throws what cannot be looked at has failed, and is undone', async () => {
  const { handlers, ran } = traced({ sleep: throwing(unreadable()) });
  expect(await runInProcess(trip, handlers, {})).toMatchObject({
    state: 'compensated',
    cause: { step: 'sleep', code: 'HANDLER_FAILED' },
  });
  expect(ran).toEqual(['fly', 'sleep', 'undo sleep', 'undo fly']);
});

describe('the input', () => {
  test('is as it was when the run was asked for, whatever the caller does to it then', async () => {
    const input = { cities: ['Rome'], by: { name: 'ann' } };
    const saga = runInProcess(trip, traced({ sleep: (given) => given }).handlers, input);
    input.cities.push('Nice');
    input.by.name = 'bob';
    expect((await saga).results.sleep).toMatchObject({ cities: ['Rome'], by: { name: 'ann' } });
  });

  test('goes to the schema as it is, where that knows more than plain objects', async () => {
    const schema = z.object({
      at: z.preprocess((at) => (at instanceof Date ? at.getTime() : at), z.number()),
    });
    const workflow = new WorkflowBuilder('dated', { input: schema })
      .addStep('fly', 'fly', { readOnly: true })
      .build();
    const saga = runInProcess(workflow, { fly: (given) => given }, { at: new Date(5) } as never);
    expect((await saga).results.fly).toEqual({ at: 5 });
  });

  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  test.each<[string, unknown]>([
    ['a big integer', { amount: 5n }],
    [
      'a getter that throws',
      Object.defineProperty({}, 'x', { enumerable: true, get: throwing(new Error('mean')) }),
    ],
    ['a toJSON that throws', { toJSON: throwing(new Error('mean')) }],
    ['a toJSON that makes nothing of it', { toJSON: () => undefined }],
    ['a toJSON that makes a number of it', { toJSON: () => 5 }],
    ['itself', cyclic],
  ])('is refused with a code when it has %s', async (_what, input) => {
    const { handlers, ran } = traced();
    expect(await rejection(runInProcess(trip, handlers, input as never))).toMatchObject({
      code: 'INPUT_INVALID',
    });
    expect(ran).toEqual([]);
  });
});

describe('an option that cannot be is refused before anything has run', () => {
  test.each<[string, unknown]>([
    ['signal', new AbortController()],
    ['signal', 'text'],
    ['onAttention', 5],
    ['graceMs', Number.NaN],
    ['graceMs', -1],
    ['graceMs', '5000'],
    ['logger', {}],
    ['sink', {}],
    ['startAt', '2030-01-01'],
    ['startAt', new Date(Number.NaN)],
    ['failureMode', 'explode'],
    ['traceparent', 5],
    ['clock', {}],
    ['timeout', 5],
  ])('%s (%#)', async (option, value) => {
    const { handlers, ran } = traced();
    const options = { [option]: value } as InProcessOptions;
    expect(await rejection(runInProcess(trip, handlers, {}, options))).toMatchObject({
      code: 'BAD_OPTIONS',
      message: expect.stringContaining(option),
      problems: [{ path: option }],
    });
    expect(ran).toEqual([]);
  });

  test('but one that is undefined is none, and a long grace is one', async () => {
    const options = { signal: undefined, graceMs: Infinity } as unknown as InProcessOptions;
    expect(await runInProcess(trip, traced().handlers, {}, options)).toMatchObject({ state: 'completed' });
  });
});

describe('whoever looks on', () => {
  const broken = throwing(new Error('the disk is full'));

  test('cannot stop a saga by a logger that throws', async () => {
    const logger: Logger = { debug: broken, info: broken, warn: broken, error: broken };
    const { handlers } = traced({ fly: (_input, context) => context.log('flying') });
    expect(await runInProcess(trip, handlers, {}, { logger })).toMatchObject({ state: 'completed' });
  });

  test('cannot fail a handler by a sink that throws', async () => {
    const warnings: string[] = [];
    const none = (): void => undefined;
    const logger: Logger = { debug: none, info: none, warn: (text) => void warnings.push(text), error: none };
    const { handlers } = traced({
      fly: (_input, context) => {
        context.setProgress(1, 2);
        context.log('flying');
        context.setMetrics({ height: 9 });
      },
    });
    const sink = { progress: broken, log: broken, metrics: broken };
    expect(await runInProcess(trip, handlers, {}, { sink, logger })).toMatchObject({ state: 'completed' });
    expect(warnings).toEqual(Array(3).fill('the sink failed: the disk is full'));
  });
});

describe('an abort', () => {
  test.each([
    ['null', null],
    ['an object without a prototype', Object.create(null)],
    ['what cannot be looked at', unreadable()],
    ['an error whose message is none', Object.assign(new Error('x'), { message: 5 })],
  ])('cancels whatever its reason is: %s', async (_what, reason) => {
    const abort = new AbortController();
    const saga = runInProcess(asked, {}, {}, { signal: abort.signal });
    await saga.status();
    abort.abort(reason);
    expect(await saga).toMatchObject({ state: 'cancelled', cause: { code: 'CANCELLED' } });
  });

  test('ends the run, also while who was asked has not answered', async () => {
    const abort = new AbortController();
    const { handlers, ran } = traced({ sleep: throwing(new Error('no room')) });
    const ended = await runInProcess(
      trip,
      handlers,
      {},
      {
        failureMode: 'hold',
        signal: abort.signal,
        onAttention: () => {
          abort.abort();
          return new Promise(() => undefined);
        },
      },
    );
    expect(ended).toMatchObject({ state: 'cancelled' });
    expect(ran).toEqual(['fly', 'sleep', 'undo sleep', 'undo fly']);
  });

  test('right after the call is in time: nothing has run', async () => {
    const abort = new AbortController();
    const { handlers, ran } = traced();
    const saga = runInProcess(trip, handlers, {}, { signal: abort.signal });
    const reason = new Error('never mind');
    abort.abort(reason);
    expect(await rejection(saga)).toBe(reason);
    expect(ran).toEqual([]);
  });
});

test('a signal with data that are no JSON is refused with a code', async () => {
  const saga = runInProcess(asked, {}, {});
  const getter = Object.defineProperty({}, 'x', { enumerable: true, get: throwing(new Error('mean')) });
  for (const data of [5n, getter, unreadable()])
    expect(await rejection(saga.signal('go', { data }))).toMatchObject({ code: 'SIGNAL_INVALID' });
  await saga.signal('go', { data: { n: 1 } });
  expect((await saga).results).toEqual({ go: { n: 1 } });
});
