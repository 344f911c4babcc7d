import { describe, expect, test } from '@jest/globals';
import { BaseStepContext, Orchestrator, StepResult } from './index.js';
import type { StepRunOptions } from './index.js';
import { TestContext, begin, endOf, obedient, registryOf, step } from '../test-support/recording.js';

const unreadable = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const throwing = (value: unknown) => () => {
  throw value;
};

describe('what was done is undone', () => {
  test.each([
    ['cannot be looked at', unreadable()],
    [
      'throws when asked whether it may be retried',
      Object.defineProperty(new Error('full'), 'retryable', { get: throwing(new Error('mean')) }),
    ],
  ])('when a step throws what %s', async (_what, thrown) => {
    const { context, error } = await endOf(step('first'), step('second', { execute: throwing(thrown) }));
    expect(context.did).toEqual(['first', 'second', 'undo first']);
    expect(error).toMatchObject({ code: 'STEP_FAILED', step: 'second' });
  });

  test('when the run is stopped with a reason that cannot be looked at', async () => {
    const { context, controller, running } = begin([
      step('first'),
      obedient('second', () => Promise.reject(new Error('stopped'))),
    ]);
    while (!context.did.includes('second')) await Promise.resolve();
    controller.abort(unreadable());
    await expect(running).rejects.toMatchObject({ code: 'ABORTED', step: 'second' });
    expect(context.did).toEqual(['first', 'second', 'undo first']);
  });

  test.each<[string, (context: TestContext) => unknown]>([
    [
      'puts something else in the place of the results',
      (context) => Reflect.set(context, 'stepResults', null),
    ],
    ['freezes the results', (context) => Object.freeze(context.stepResults)],
    ['freezes the context', (context) => Object.freeze(context)],
  ])('when a step %s', async (_what, spoil) => {
    const spoiling = step('spoiling', {
      execute: (context) => {
        spoil(context);
        return new StepResult();
      },
    });
    const { context, error } = await endOf(step('first'), spoiling, step('last'));
    expect(context.did).toEqual(['first', 'spoiling', 'undo spoiling', 'undo first']);
    expect(error).toMatchObject({
      code: 'STEP_FAILED',
      retryable: false,
      message: expect.stringContaining('the context cannot be used any more'),
    });
  });

  test('when a step has spoilt the list of errors and a rollback fails, which the error still says', async () => {
    const { context, error } = await endOf(
      step('first'),
      step('second', { rollback: throwing(new Error('stuck')) }),
      step('third', {
        execute: (spoilt) => {
          Reflect.set(spoilt, 'errors', null);
          throw new Error('full');
        },
      }),
    );
    expect(context.did).toEqual(['first', 'second', 'third', 'undo second', 'undo first']);
    expect(error).toMatchObject({
      message: "Step 'third' failed: full",
      rollbackFailures: ["Rollback failed for 'second': stuck"],
    });
  });
});

describe('a run is refused', () => {
  const build = (context: unknown, options: unknown = {}) =>
    new Orchestrator(registryOf(step('first')), context as TestContext, undefined, options as StepRunOptions);

  test.each([
    [null],
    [undefined],
    ['text'],
    [{}],
    [BaseStepContext],
    [Object.assign(new TestContext(), { errors: null })],
  ])('with %p as its context', (context) => {
    expect(() => build(context)).toThrow(expect.objectContaining({ code: 'NOT_A_CONTEXT' }));
  });

  test('with an option that there is not', () => {
    expect(() => build(new TestContext(), { timeout: 5 })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_OPTION', message: expect.stringContaining('timeoutMs') }),
    );
  });

  test.each([['text'], [{}], [new AbortController()]])('with %p as its signal', (signal) => {
    expect(() => build(new TestContext(), { signal })).toThrow(
      expect.objectContaining({ code: 'NOT_A_SIGNAL' }),
    );
  });

  test('not with a signal and a context that are right', async () => {
    const { signal } = new AbortController();
    await expect(build(new TestContext(), { signal, graceMs: 0 }).execute()).resolves.toMatchObject({
      success: true,
    });
  });
});
