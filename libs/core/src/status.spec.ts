import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { SagaPlay } from '../test-support/saga-play.js';
import { fold } from './evolve.js';
import type { Fact } from './saga.js';
import { statusOf } from './status.js';
import { NOTHING_TOLD, partOf } from './told.js';
import type { Told, ToldStep } from './told.js';
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
        progress: [],
        metrics: [],
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
        progress: [],
        metrics: [],
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

  const told = (...parts: [string, number][]): Told => ({ ...NOTHING_TOLD, parts: new Map(parts) });
  const partly = (play: SagaPlay, ...parts: [string, number][]) =>
    statusOf(play.saga, play.workflow, told(...parts)).progress;

  test('counts the part of a step that runs by its weight, and is not 100 before the end', () => {
    const play = new SagaPlay(weighed).start().succeed('a');
    expect(partly(play)).toBe(50);
    expect(partly(play, ['c', 0.5])).toBe(75);
    expect(partly(play, ['a', 0.1], ['c', 0.25])).toBe(62);
    expect(partly(play, ['c', 1])).toBe(99);
    expect(partly(play, ['nobody', 1])).toBe(50);
    expect(partly(play.succeed('c'), ['c', 0.5])).toBe(100);
  });

  test('counts no parts any more once the saga has turned', () => {
    const play = new SagaPlay(weighed).start().succeed('a').reject('c');
    expect(partly(play, ['c', 0.9])).toBe(50);
  });

  test('counts the parts of the items of a map, and does not fall when the map begins', () => {
    const mapped = new WorkflowBuilder('m', { input: z.object({ items: z.array(z.number()) }) })
      .addStep('a', 'q.a', { progressWeight: 1 })
      .addMap('each', { over: (context) => context.get('items'), worker: 'q.b', concurrency: 3 })
      .build();
    for (const count of [3, 7, 49, 53]) {
      const play = new SagaPlay(mapped).start({ items: Array.from({ length: count }, () => 1) });
      expect(partly(play, ['a', 1])).toBe(50);
      play.succeed('a');
      expect(partly(play)).toBe(50);
      const ran = 0.6 / count;
      expect(partly(play, ['each/0', 0.6])).toBe(Math.floor((50 * (1 + ran)) / 1));
    }
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

describe('what handlers told', () => {
  const words = (direction: 'forward' | 'undo', run: number, current: number): ToldStep => ({
    step: 'a',
    direction,
    run,
    attempt: 1,
    progress: [{ category: 'a', current, total: 9, at: '2030-01-01T00:00:00.000Z' }],
    metrics: [{ category: 'net', values: { bytes: current }, at: '2030-01-01T00:00:00.000Z' }],
  });
  const single = new WorkflowBuilder('w')
    .addStep('a', 'q.a', 'q.undoA')
    .addStep('b', 'q.b', 'q.undoB')
    .build();
  const shown = (play: SagaPlay, ...steps: ToldStep[]) =>
    statusOf(play.saga, single, { ...NOTHING_TOLD, steps }).steps[0];

  test('stands at its step, and is the undo’s once that tells something', () => {
    const play = new SagaPlay(single).start().succeed('a');
    const forward = words('forward', 1, 5);
    expect(shown(play, forward)).toMatchObject({
      progress: [{ category: 'a', current: 5, total: 9 }],
      metrics: [{ category: 'net', values: { bytes: 5 } }],
    });
    play.reject('b');
    expect(shown(play, forward)).toMatchObject({ progress: [{ current: 5 }] });
    expect(shown(play, forward, words('undo', 1, 2))).toMatchObject({ progress: [{ current: 2 }] });
  });

  test('of another run, or of an undo that nobody sent, is not shown', () => {
    const play = new SagaPlay(single).start();
    expect(shown(play, words('forward', 2, 5))).toMatchObject({ progress: [], metrics: [] });
    expect(shown(play, words('undo', 1, 5))).toMatchObject({ progress: [], metrics: [] });
  });

  test('of lines is shown as it came, with the number of those that were dropped', () => {
    const play = new SagaPlay(single).start();
    const line = { step: 'a', direction: 'forward', attempt: 1, event: 'e', data: {}, file: null } as const;
    const logs = ['1', '2'].map((at) => ({ ...line, at }));
    expect(statusOf(play.saga, single, { ...NOTHING_TOLD, logs, dropped: 3 })).toMatchObject({
      logs,
      logsDropped: 3,
    });
    expect(statusOf(play.saga, single)).toMatchObject({ logs: [], logsDropped: 0 });
  });

  test.each([
    ['nothing', [], 0],
    [
      'its own category, whatever the others say',
      [
        ['x', 9, 10],
        ['s', 1, 4],
      ],
      0.25,
    ],
    [
      'its categories alike when none has its name',
      [
        ['x', 1, 2],
        ['y', 0, 5],
      ],
      0.25,
    ],
    ['more than all of it as all of it', [['s', 7, 5]], 1],
    ['a total of nothing as nothing', [['s', 3, 0]], 0],
  ] as [string, [string, number, number][], number][])('a part is made of %s', (_, list, part) => {
    const progress = list.map(([category, current, total]) => ({ category, current, total, at: '' }));
    expect(partOf('s', progress)).toBe(part);
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
