import { describe, expect, test } from '@jest/globals';
import { fold } from './evolve.js';
import type { Fact } from './saga.js';
import { statusOf } from './status.js';

const sagaId = '018f0000-0000-7000-8000-000000000000';
const workflow = { name: 'order', version: 1, digest: 'd' };

const stepsAfter = (...facts: Fact[]) => {
  const started: Fact = { type: 'started', workflow, input: {} };
  const saga = fold(sagaId, [{ seq: 1, at: 1_000, event: 'start', facts: [started, ...facts] }]);
  return saga && statusOf(saga, undefined).steps;
};

const entered: Fact = { type: 'entered', step: 'charge', stage: 0, taken: true };
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
        stage: 0,
        skipped: false,
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
    const second: Fact = { ...entered, step: '1', stage: 1 };
    expect(stepsAfter(first, second)?.map(({ name }) => name)).toEqual(['9', '1']);
  });

  test('show a step that was passed over as skipped', () => {
    expect(stepsAfter({ ...entered, taken: false })).toEqual([
      { name: 'charge', stage: 0, skipped: true, forward: null, undo: null },
    ]);
  });
});
