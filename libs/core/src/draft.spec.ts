import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RandomSaga, happenings, shapes, workflowOf } from '../test-support/random-saga.js';
import { copyOfAttempts, copyOfSaga, copyOfStep } from './draft.js';
import { deepFreeze } from './digest.js';
import type { Saga, StepProgress } from './saga.js';

/* Every field that there is: a new one does not compile until it stands here. */

const attempts: Required<NonNullable<StepProgress['undo']>> = {
  run: 1,
  attempt: 2,
  status: 'ended',
  dueAt: 3,
  firstSentAt: 4,
  sentAt: 5,
  outcome: 'failed',
  endedAt: 6,
  uncertain: true,
  error: { code: 'E', message: 'e' },
  spent: 1,
  noop: true,
  again: 'always',
};

const step: Required<StepProgress> = {
  path: 'a',
  kind: 'signal',
  stage: [0],
  taken: true,
  forward: attempts,
  undo: attempts,
  input: 1,
  undoInput: 2,
  output: null,
  undoData: 3,
  writes: ['x'],
  items: [1],
  signal: 'go',
  until: 7,
  outcome: 'succeeded',
  endedAt: 8,
  error: { code: 'E', message: 'e' },
  skipped: true,
  lost: 'keep',
};

const saga: Required<Saga> = {
  sagaId: '1',
  workflow: { name: 'w', version: 1, digest: 'd' },
  version: 1,
  state: 'running',
  direction: 'forward',
  aim: 'completed',
  failureMode: 'hold',
  paused: true,
  attention: [],
  input: {},
  steps: { a: step },
  joined: [],
  cause: { code: 'E', message: 'e' },
  startAt: 1,
  deadline: 2,
  cancelWanted: { code: 'E', message: 'e' },
  signals: [],
  signalIds: [],
  stalls: [],
  gaveUp: true,
  traceparent: 't',
  createdAt: 3,
  updatedAt: 4,
};

describe('a copy', () => {
  it('has every field, and no field that was not there', () => {
    expect(copyOfAttempts(attempts, 'timed')).toStrictEqual(attempts);
    expect(copyOfStep(step, 'a')).toStrictEqual(step);
    expect(copyOfSaga(saga)).toStrictEqual(saga);
    const { run, attempt, status, firstSentAt, sentAt, uncertain, ...rest } = attempts;
    const least = { run, attempt, status, firstSentAt, sentAt, uncertain };
    expect(copyOfAttempts(least, 'timed')).toStrictEqual(least);
    expect(copyOfAttempts({ ...least, dueAt: rest.dueAt }, 'untimed')).toStrictEqual(least);
  });
});

describe('a saga that was handed out', () => {
  it('never changes, and shares with the next what did not', () => {
    let shared = 0;
    fc.assert(
      fc.property(shapes, happenings, (shape, list) => {
        const random = new RandomSaga(workflowOf(shape));
        random.onApplied = (before, after, _, facts) => {
          // Whoever wrote to it would throw.
          deepFreeze(after);
          const touched = new Set(facts.map((fact) => ('step' in fact ? fact.step : undefined)));
          for (const [path, former] of Object.entries(before.steps)) {
            if (touched.has(path)) continue;
            shared += 1;
            if (after.steps[path] !== former) throw new Error(`${path} is another object`);
          }
        };
        for (const happening of list) random.happen(happening);
      }),
      { numRuns: 300, seed: 20_261_121 },
    );
    expect(shared).toBeGreaterThan(300);
  });
});
