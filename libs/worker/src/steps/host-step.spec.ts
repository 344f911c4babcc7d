import { afterEach, describe, expect, test } from '@jest/globals';
import { workflowFromJson } from '@counterstep/core';
import { StepResult } from '@counterstep/steps';
import * as z from 'zod';
import { TRIP, registryOf, step, type TripContext } from '../../test-support/hosted-steps.js';
import { hostings } from '../../test-support/hosting.js';
import { NonRetryable, StepRejected, toWorkflow } from '../index.js';

const asJson = <T>(data: T): T => JSON.parse(JSON.stringify(data)) as T;
const open = hostings();

describe('a step that fails', () => {
  const undone: unknown[] = [];
  const first = step('first', { rollback: () => undone.push('first') });
  const failing = (execute: (context: TripContext, signal: AbortSignal) => unknown) =>
    step('second', { execute, rollback: () => undone.push('second') });
  afterEach(() => {
    undone.length = 0;
  });

  test.each<[string, () => unknown, object, string[]]>([
    [
      'says so by its result',
      () => new StepResult({ success: false, error: 'Out of memory' }),
      { code: 'STEP_FAILED', message: 'Out of memory' },
      ['first'],
    ],
    [
      'gives no reason',
      () => new StepResult({ success: false }),
      { code: 'STEP_FAILED', message: 'it gave no reason' },
      ['first'],
    ],
    [
      'throws',
      () => Promise.reject(new Error('no such table')),
      { code: 'STEP_FAILED', message: 'no such table' },
      ['first'],
    ],
    [
      'throws what has a code',
      () => Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' })),
      { code: 'ENOENT', message: 'no such file' },
      ['first'],
    ],
    [
      'throws what is no error',
      () => Promise.reject('nothing left'), // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors -- what is meant
      { code: 'STEP_FAILED', message: 'nothing left' },
      ['first'],
    ],
    [
      'returns no result',
      () => 42,
      { code: 'INVALID_RESULT', message: 'execute returned a number, not a StepResult' },
      ['first'],
    ],
    [
      'says that it is rejected',
      () => Promise.reject(new StepRejected({ code: 'FULL', message: 'no room' })),
      { code: 'FULL', message: 'no room' },
      ['first'],
    ],
    [
      'says that it left something behind',
      () => Promise.reject(new NonRetryable({ code: 'HALF_DONE', message: 'half of it' })),
      { code: 'HALF_DONE', message: 'half of it' },
      ['second', 'first'],
    ],
  ])('and %s is readable in the saga, and tried once', async (_how, execute, cause, expected) => {
    let executed = 0;
    const hosting = await open(
      toWorkflow(
        'trip',
        registryOf(
          first,
          failing(() => ((executed += 1), execute())),
          step('third'),
        ),
        TRIP,
      ),
    );
    const status = await hosting.run();
    expect(status).toMatchObject({ state: 'compensated', cause: { step: 'second', ...cause } });
    expect([executed, undone]).toEqual([1, expected]);
    expect(status.steps.map(({ name }) => name)).toEqual(['first', 'second']);
  });

  test('before it began, for its canSkip or its context, is not undone', async () => {
    const skips = step('skips', { canSkip: () => 'perhaps', rollback: () => undone.push('skips') });
    const hosting = await open(toWorkflow('trip', registryOf(first, skips), TRIP));
    expect(await hosting.run()).toMatchObject({
      cause: { code: 'STEP_FAILED', message: 'canSkip returned a string, not a boolean' },
    });
    expect(undone).toEqual(['first']);
    const createContext = (): never => {
      throw Object.assign(new Error('no settings'), { code: 'NO_SETTINGS' });
    };
    const contextless = await open(toWorkflow('trip', registryOf(first), { ...TRIP, createContext }));
    expect(await contextless.run()).toMatchObject({
      state: 'compensated',
      cause: { code: 'NO_SETTINGS', message: 'no settings' },
    });
    expect(undone).toEqual(['first']);
  });

  test.each([[undefined], [null], ['text'], [{}]])(
    'because createContext returned %p has not begun, and says so',
    async (context) => {
      const createContext = () => context as unknown as TripContext;
      const hosting = await open(toWorkflow('trip', registryOf(first), { ...TRIP, createContext }));
      expect(await hosting.run()).toMatchObject({
        state: 'compensated',
        cause: { code: 'STEP_FAILED', message: expect.stringContaining('createContext returned no context') },
      });
      expect(undone).toEqual([]);
    },
  );

  test('because createContext returned the context of another has not begun, as sagas would be mixed', async () => {
    let shared: TripContext | undefined;
    const createContext: typeof TRIP.createContext = (...given) => (shared ??= TRIP.createContext(...given));
    const hosting = await open(toWorkflow('trip', registryOf(step('only')), { ...TRIP, createContext }));
    expect(await hosting.run()).toMatchObject({ state: 'completed' });
    expect(await hosting.run()).toMatchObject({
      state: 'compensated',
      cause: { message: expect.stringContaining('a context that is in use') },
    });
  });

  test('because its saga is cancelled may have left something, and is rolled back', async () => {
    let begun = () => {};
    const running = new Promise<void>((resolve) => (begun = resolve));
    const waits = failing(
      (_context, signal) =>
        new Promise((_resolve, reject) => {
          begun();
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    const hosting = await open(toWorkflow('trip', registryOf(first, waits), TRIP));
    const sagaId = await hosting.start();
    await running;
    await hosting.orchestrator.cancelWorkflow(sagaId);
    expect(await hosting.ended(sagaId)).toMatchObject({ state: 'cancelled' });
    expect(undone).toEqual(['second', 'first']);
  });

  test('for an input that the schema refuses has not begun', async () => {
    const input = z.object({ traveller: z.string().refine((who) => who !== 'Bob', 'not Bob') });
    const hosted = toWorkflow('trip', registryOf(first), { ...TRIP, input });
    // The orchestrator that has the definition as JSON does not know the refinement.
    const workflow = workflowFromJson(asJson(hosted.workflow.toJSON()));
    const hosting = await open({ ...hosted, workflow } as never);
    expect(await hosting.run({ traveller: 'Bob' })).toMatchObject({
      cause: { code: 'INPUT_INVALID', message: expect.stringContaining('not Bob') },
    });
  });

  test('for an input with a field of a step’s name has not begun', async () => {
    const hosting = await open(toWorkflow('trip', registryOf(first, step('last')), TRIP));
    expect(await hosting.run({ last: 1 })).toMatchObject({
      state: 'compensated',
      cause: { step: 'first', code: 'INPUT_INVALID', message: expect.stringContaining("'last'") },
    });
    expect(undone).toEqual([]);
  });
});
