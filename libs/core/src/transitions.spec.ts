import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SAGA_ID, SagaPlay } from '../test-support/saga-play.js';
import { RandomSaga, happenings, shapes, workflowOf } from '../test-support/random-saga.js';
import { STATE_CHANGES, WorkflowBuilder, evolve, isFinished } from './index.js';
import type { Fact, Saga, Workflow } from './index.js';
import { FINAL_STATES, illegal } from './transitions.js';

const single = new WorkflowBuilder('single').addStep('a', 'q.a', 'q.undoA').build() as Workflow;
const ways = (from: Saga['state'] | null): string[] =>
  STATE_CHANGES.filter((change) => change.from === from).map(({ to }) => to);

describe('the table of the states', () => {
  it('begins with pending, and has the four ends, which lead nowhere', () => {
    expect(ways(null)).toEqual(['pending']);
    expect([...FINAL_STATES].sort()).toEqual(['cancelled', 'compensated', 'completed', 'failed']);
    for (const state of FINAL_STATES) expect([ways(state), isFinished({ state })]).toEqual([[], true]);
    for (const state of ['pending', 'running'] as const) expect(isFinished({ state })).toBe(false);
  });

  it('lets a cancel end a saga as failed, when an undo was given up before and nothing is left to undo', () => {
    const once = { retry: { maxRetries: 0 }, undoRetry: { maxRetries: 0 } };
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps(
        [
          { name: 'a', worker: 'q.a', readOnly: true },
          { name: 'b', worker: 'q.b', compensation: 'q.undo-b', ...once },
        ],
        { join: 'any' },
      )
      .waitForSignal('go', { timeout: 60_000 })
      .build();
    const play = new SagaPlay(workflow).start().succeed('a').fail('b').timeOut('b', 'undo');
    play.apply({ type: 'intervene', verb: 'giveUp', step: 'b' }).apply({ type: 'cancel' });
    expect(play.saga.state).toBe('failed');
    const change = STATE_CHANGES.find(({ from, to }) => from === 'running' && to === 'failed');
    expect(change?.events).toContain('cancel');
  });

  it('has every change that decide makes, each made by an event that it lists', () => {
    const seen = new Set<string>();
    const note = (before: Saga | undefined, after: Saga, event: string, facts: readonly Fact[]): void => {
      // `entered` and `finished` of one record: there and on in one go.
      const states = [before?.state ?? null];
      if (!before) states.push('pending');
      if (states.at(-1) === 'pending' && facts.some(({ type }) => type === 'entered')) states.push('running');
      if (after.state !== states.at(-1)) states.push(after.state);
      for (const [index, to] of states.entries()) {
        if (index === 0) continue;
        const row = STATE_CHANGES.find((change) => change.from === states[index - 1] && change.to === to);
        expect({ from: states[index - 1], to, events: row?.events }).toEqual({
          from: states[index - 1],
          to,
          events: expect.arrayContaining([event]),
        });
        seen.add(`${states[index - 1]} ${to}`);
      }
    };
    fc.assert(
      fc.property(shapes, happenings, fc.nat({ max: 9 }), (shape, list, end) => {
        const random = new RandomSaga(workflowOf(shape), end > 7 ? 1_500_000 : undefined);
        random.onApplied = note;
        note(undefined, random.saga, 'start', random.facts);
        for (const happening of list) random.happen(happening);
        if (end === 0 || end === 8) random.tell({ type: 'terminate', reason: 'enough' });
        if (end === 9) random.tell({ type: 'cancel' });
      }),
      { numRuns: 600, seed: 20_261_121 },
    );
    expect([...seen].sort()).toEqual(STATE_CHANGES.map(({ from, to }) => `${from} ${to}`).sort());
  }, 60_000);
});

describe('an illegal change', () => {
  const { saga } = new SagaPlay(single).start();
  const ended = new SagaPlay(single).start().succeed('a').saga;
  const told = (before: Saga, facts: readonly Fact[]): (() => Saga) => {
    const record = { seq: before.version + 1, at: 5, event: 'reply', facts };
    return () => evolve(before, SAGA_ID, record);
  };
  const cause = { code: 'X', message: 'x' };

  it('is refused, whoever wrote it into the history', () => {
    const entered = { type: 'entered', step: 'a', stage: [0], taken: true } as const;
    expect(told(ended, [entered])).toThrow("'entered' cannot follow the end, which is completed");
    expect(told(ended, [{ type: 'finished', state: 'failed' }])).toThrow('cannot follow the end');
    expect(told(saga, [{ type: 'finished', state: 'pending' }])).toThrow(
      "running cannot become pending by 'finished'",
    );
    expect(told(saga, [{ type: 'finished', state: 'cancelled' }])).toThrow(
      'what aims at completed cannot end cancelled',
    );
    const turned = { type: 'turned', aim: 'compensated', cause } as const;
    expect(told(saga, [turned, { ...turned, aim: 'cancelled' }])).toThrow(
      'what aims at compensated cannot aim at cancelled',
    );
    expect(illegal(saga.state, saga.aim, { ...saga, direction: 'undo' }, turned)).toBe(
      'what aims at completed cannot go undo',
    );
    const later = new SagaPlay(single).start({}, 2_000_000).saga;
    expect(told(later, [{ type: 'finished', state: 'completed' }])).toThrow(
      'pending cannot become completed',
    );
  });

  it('is not what is told after the end', () => {
    const item = { type: 'attention', code: 'LATE_EFFECT', message: 'late', step: 'a' } as const;
    expect(told(ended, [item])()).toMatchObject({ state: 'completed', attention: [{ code: 'LATE_EFFECT' }] });
  });
});
