import { afterEach, describe, expect, test } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import { StepResult } from '@counterstep/steps';
import { TRIP, ok, registryOf, step, type TripContext } from '../../test-support/hosted-steps.js';
import { hostings } from '../../test-support/hosting.js';
import { toWorkflow } from '../index.js';

const open = hostings();
const undone: unknown[] = [];
afterEach(() => {
  undone.length = 0;
});

const keep = (context: TripContext, { success, data, error, rollbackData, skipped }: StepResult) => {
  const { currentStep, stops, stepResults } = context;
  const result = { success, data, error, rollbackData, skipped };
  undone.push({ currentStep, stops, results: stepResults.length, result });
};
const never = () => new Promise(() => {});
const fails = step('fails', { execute: () => new StepResult({ success: false, error: 'full' }) });

describe('the rollback of a hosted step', () => {
  test('gets what its step returned, and the context as the step left it', async () => {
    const stay = (city: string, id: number) => ({
      execute: (context: TripContext) => (context.stay(city, 1), ok({ city }, { id })),
      rollback: keep,
    });
    const steps = registryOf(step('one', stay('Rome', 1)), step('two', stay('Oslo', 2)), fails);
    const hosting = await open(toWorkflow('trip', steps, TRIP));
    expect(await hosting.run()).toMatchObject({ state: 'compensated' });
    const result = { success: true, error: null, skipped: false };
    expect(undone).toEqual([
      {
        currentStep: 'two',
        stops: [
          { city: 'Rome', nights: 1 },
          { city: 'Oslo', nights: 1 },
        ],
        results: 2,
        result: { ...result, data: { city: 'Oslo' }, rollbackData: { id: 2 } },
      },
      {
        currentStep: 'one',
        stops: [{ city: 'Rome', nights: 1 }],
        results: 1,
        result: { ...result, data: { city: 'Rome' }, rollbackData: { id: 1 } },
      },
    ]);
  });

  test('is not called for steps that were skipped, by canSkip or by themselves', async () => {
    const steps = registryOf(
      step('first', { rollback: keep }),
      step('asked', {
        canSkip: ({ traveller }) => traveller === 'Ada',
        execute: () => Promise.reject(new Error('it must not run')),
        rollback: keep,
      }),
      step('itself', { execute: () => new StepResult({ skipped: true }), rollback: keep }),
      fails,
    );
    const hosting = await open(toWorkflow('trip', steps, TRIP));
    const { stepResults, state } = await hosting.run({ traveller: 'Ada' });
    expect(state).toBe('compensated');
    expect(stepResults).toMatchObject({ asked: { skipped: true }, itself: { skipped: true } });
    expect(undone).toMatchObject([{ currentStep: 'first' }]);
  });

  test('gets what was told by a heartbeat when its step is never heard of again', async () => {
    const lost = step('lost', {
      execute: async (context) => {
        context.stay('Oslo', 1);
        await context.hosted.heartbeat({ uploads: ['a', 'b'] });
        return never();
      },
      rollback: keep,
    });
    const one = step('one', { execute: (context) => (context.stay('Rome', 1), ok()), rollback: keep });
    const options = { ...TRIP, timeout: 1_000, retry: { maxRetries: 0 } };
    const hosting = await open(toWorkflow('trip', registryOf(one, lost), options));
    expect(await hosting.run()).toMatchObject({
      state: 'compensated',
      cause: { step: 'lost', code: 'TIMEOUT' },
    });
    expect(undone).toMatchObject([
      {
        currentStep: 'lost',
        // What it did to the context is not known.
        stops: [{ city: 'Rome', nights: 1 }],
        results: 1,
        result: {
          success: false,
          data: {},
          error: 'it ended unknown: it may have been done, or a part of it, or nothing',
          rollbackData: { uploads: ['a', 'b'] },
          skipped: false,
        },
      },
      { currentStep: 'one', result: { success: true } },
    ]);
  });

  test('gets no rollback data when none were told', async () => {
    const lost = step('lost', { execute: never, rollback: keep });
    const options = { ...TRIP, timeout: 1_000, retry: { maxRetries: 0 } };
    const hosting = await open(toWorkflow('trip', registryOf(lost), options));
    expect(await hosting.run()).toMatchObject({ state: 'compensated' });
    expect(undone).toMatchObject([{ results: 0, result: { success: false, rollbackData: {} } }]);
  });

  test('is tried again when it throws, and sees nothing of the try before', async () => {
    const seen: unknown[] = [];
    const stubborn = step('stubborn', {
      rollback: (context) => {
        seen.push(context.stops.length);
        context.stay('Oslo', 1);
        if (seen.length < 3) throw new Error('the lock is held');
      },
    });
    const hosting = await open(toWorkflow('trip', registryOf(stubborn, fails), TRIP));
    expect(await hosting.run()).toMatchObject({ state: 'compensated', cause: { message: 'full' } });
    expect(seen).toEqual([0, 0, 0]);
  });

  test('that throws to the end is a matter for a person, and the others wait', async () => {
    const held = step('held', {
      rollback: () => {
        throw new Error('the lock is held');
      },
    });
    const steps = registryOf(step('first', { rollback: keep }), held, fails);
    const undoRetry = { ...TRIP.undoRetry, maxRetries: 1 };
    const hosting = await open(toWorkflow('trip', steps, { ...TRIP, undoRetry }));
    const { sagaId, attention } = await hosting.run();
    expect(attention).toMatchObject([
      { code: 'COMPENSATION_FAILED', step: 'held', message: expect.stringContaining('the lock is held') },
    ]);
    expect(undone).toEqual([]);
    await hosting.orchestrator.intervene(sagaId, { verb: 'giveUp', actor: 'Ada', reason: 'unlocked' });
    await hosting.until(sagaId, ({ state }) => state !== 'running');
    expect(undone).toMatchObject([{ currentStep: 'first' }]);
  });

  test('and later steps take a step that a person passed over for a skipped one', async () => {
    const seen: unknown[] = [];
    const look = step('look', {
      execute: ({ stepResults, stops }) => {
        seen.push(
          stepResults.map(({ success, skipped }) => ({ success, skipped })),
          stops.length,
        );
        return ok();
      },
    });
    const one = step('one', { execute: (context) => (context.stay('Rome', 1), ok()) });
    const inner = toWorkflow('trip', registryOf(one, fails, look), TRIP);
    const workflow = new WorkflowBuilder('held')
      .withFailureMode('hold')
      .addWorkflow('trip', inner.workflow)
      .build();
    const hosting = await open({ ...inner, workflow } as never);
    const { sagaId } = await hosting.run();
    const byHand = { verb: 'skip', output: { by: 'hand' }, actor: 'Ada', reason: 'done' } as const;
    await hosting.orchestrator.intervene(sagaId, byHand);
    await hosting.until(sagaId, ({ state }) => state === 'completed');
    expect(seen).toEqual([
      [
        { success: true, skipped: false },
        { success: true, skipped: true },
      ],
      1,
    ]);
  });
});
