import { describe, expect, test } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { fold } from './evolve.js';
import type { Fact } from './saga.js';
import { statusOf } from './status.js';
import { WorkflowBuilder } from './workflow-builder.js';

const sagaId = '018f0000-0000-7000-8000-000000000000';
const workflow = { name: 'order', version: 1, digest: 'd' };

const stepsAfter = (...facts: Fact[]) => {
  const started: Fact = { type: 'started', workflow, input: {} };
  const saga = fold(sagaId, [{ seq: 1, at: 1_000, event: 'start', facts: [started, ...facts] }]);
  return saga && statusOf(saga, undefined).steps;
};

const entered: Fact = { type: 'entered', step: 'charge', stage: [0], taken: true };
const command = (attempt: number): Fact => ({
  type: 'command',
  step: 'charge',
  direction: 'forward',
  run: 1,
  attempt,
  timeout: 500,
});
const error = { code: 'BUSY', message: 'try later' };

describe('the steps of a status', () => {
  test('hold what a running attempt waits for, in ISO time', () => {
    expect(stepsAfter(entered, command(1))).toEqual([
      {
        name: 'charge',
        kind: 'step',
        stage: [0],
        skipped: false,
        lost: false,
        outcome: null,
        until: null,
        forward: {
          run: 1,
          attempts: 1,
          status: 'running',
          outcome: null,
          error: null,
          startedAt: '1970-01-01T00:00:01.000Z',
          dueAt: '1970-01-01T00:00:01.500Z',
        },
        undo: null,
      },
    ]);
  });

  test('count the attempts and keep the last error', () => {
    const failed: Fact = {
      type: 'replied',
      step: 'charge',
      direction: 'forward',
      attempt: 1,
      outcome: 'failed',
      error,
    };
    const retry: Fact = { type: 'retryPlanned', step: 'charge', direction: 'forward', delay: 50 };
    expect(stepsAfter(entered, command(1), failed, retry, command(2))).toMatchObject([
      { forward: { attempts: 2, status: 'running', outcome: 'failed', error } },
    ]);
  });

  test('come in the order in which they were entered, whatever their names', () => {
    const first: Fact = { ...entered, step: '9' };
    const second: Fact = { ...entered, step: '1', stage: [1] };
    expect(stepsAfter(first, second)?.map(({ name }) => name)).toEqual(['9', '1']);
  });

  test('show a step that was passed over as skipped', () => {
    expect(stepsAfter({ ...entered, taken: false })).toEqual([
      {
        name: 'charge',
        kind: 'step',
        stage: [0],
        skipped: true,
        lost: false,
        outcome: null,
        until: null,
        forward: null,
        undo: null,
      },
    ]);
  });
});

describe('the progress of a status', () => {
  const weighed = new WorkflowBuilder('w')
    .addStep('a', 'q.a', { progressWeight: 1 })
    .addConditionalStep('b', 'q.b', () => false, { progressWeight: 3 })
    .addStep('c', 'q.c', { progressWeight: 4 })
    .build();
  const progress = (play: SagaPlay) => statusOf(play.saga, play.workflow).progress;

  test('goes by the weights; what was passed over is done', () => {
    const play = new SagaPlay(weighed).start();
    expect(progress(play)).toBe(0);
    expect(progress(play.succeed('a'))).toBe(50);
    expect(progress(play.succeed('c'))).toBe(100);
  });

  test('does not count a step that failed, and stays where it was during the undo', () => {
    const play = new SagaPlay(weighed).start().succeed('a').reject('c');
    expect(statusOf(play.saga, weighed)).toMatchObject({ state: 'compensated', progress: 50 });
  });

  test('does not lose a percent to rounding: 0.1 and 0.7 of 1 are 80', () => {
    const tenths = new WorkflowBuilder('tenths')
      .addStep('a', 'q.a', { progressWeight: 0.1 })
      .addStep('b', 'q.b', { progressWeight: 0.7 })
      .addStep('c', 'q.c', { progressWeight: 0.2 })
      .build();
    const play = new SagaPlay(tenths);
    expect(progress(play.start().succeed('a').succeed('b'))).toBe(80);
  });

  test('counts the steps alike when none has a weight, and the entered ones without a definition', () => {
    const weightless = new WorkflowBuilder('w')
      .addStep('a', 'q.a', { progressWeight: 0 })
      .addStep('b', 'q.b', { progressWeight: 0 })
      .addStep('c', 'q.c', { progressWeight: 0 })
      .build();
    const play = new SagaPlay(weightless).start().succeed('a');
    expect(progress(play)).toBe(33);
    expect(statusOf(play.saga, undefined)).toMatchObject({ progress: 50, notUndone: [] });
  });
});

describe('a status', () => {
  const order = new WorkflowBuilder('order')
    .addStep('mail', 'q.mail')
    .addStep('look', 'q.look', { readOnly: true })
    .addParallelSteps([
      { name: 'a', worker: 'q.a', compensation: 'q.undoA' },
      { name: 'b', worker: 'q.b', compensation: 'q.undoB' },
    ])
    .addStep('last', 'q.last', { compensation: 'q.undoLast', undoRetry: { maxRetries: 0 } })
    .build();
  const begun = () => new SagaPlay(order).start().succeed('mail').succeed('look');
  const of = (play: SagaPlay) => statusOf(play.saga, order);

  test('names what runs, waits or is undone, in the order of the definition', () => {
    const play = begun();
    expect(of(play)).toMatchObject({ phase: 'forward', currentStep: 'a', currentSteps: ['a', 'b'] });
    expect(of(play.fail('a'))).toMatchObject({ currentSteps: ['a', 'b'] });
    expect(of(play.succeed('a'))).toMatchObject({ currentStep: 'b', currentSteps: ['b'] });
    play.succeed('b').apply({ type: 'cancel' });
    expect(of(play)).toMatchObject({ phase: 'cancelling', currentSteps: ['last'] });
    play.reject('last');
    expect(of(play)).toMatchObject({ currentSteps: ['a', 'b'] });
    play.undone('a');
    expect(of(play)).toMatchObject({ currentSteps: ['b'] });
    expect(of(play.undone('b'))).toMatchObject({ state: 'cancelled', currentStep: null, currentSteps: [] });
  });

  test('names the undo that only a person can move', () => {
    const play = begun().succeed('a').succeed('b').breakDown('last');
    play.fail('last', 'DOWN', { direction: 'undo' });
    expect(of(play)).toMatchObject({ phase: 'attention', currentStep: 'last', notUndone: [] });
  });

  test('lists what was not undone once the saga has ended so, and never what only read', () => {
    const play = begun().reject('a', 'NO_ROOM');
    expect(of(play)).toMatchObject({ phase: 'compensating', notUndone: [], error: 'it is NO_ROOM' });
    expect(of(play.succeed('b').undone('b'))).toMatchObject({
      state: 'compensated',
      notUndone: ['mail'],
      cause: { code: 'NO_ROOM', step: 'a' },
    });
    const completed = begun().succeed('a').succeed('b').succeed('last');
    expect(of(completed)).toMatchObject({ state: 'completed', notUndone: [], cause: null, error: null });
  });
});
