import { describe, expect, it } from '@jest/globals';
import { SAGA_ID, SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, dueAt, isFinished, isLive, phaseOf, rowOf } from './index.js';
import type { Saga } from './index.js';

const pair = new WorkflowBuilder('pair')
  .addParallelSteps([
    { name: 'a', worker: 'q.a', compensation: 'q.undoA', attemptTimeout: 900 },
    { name: 'b', worker: 'q.b', compensation: 'q.undoB', attemptTimeout: 300 },
  ])
  .addStep('c', 'q.c', 'q.undoC')
  .build();
const quarantine = { type: 'quarantine', code: 'POISON', message: 'refused' } as const;

describe('when a saga must be looked at', () => {
  it('is the soonest of its deadlines and timers', () => {
    const play = new SagaPlay(pair).start();
    expect(dueAt(play.saga)).toBe(play.now + 300);
    play.fail('b');
    expect(dueAt(play.saga)).toBe(play.now + 500);
    play.succeed('b');
    expect(dueAt(play.saga)).toBe(play.now + 900);
    play.succeed('a');
    expect(dueAt(play.saga)).toBe(play.now + 30_000);
  });

  it('is the time of its start while that is to come', () => {
    const play = new SagaPlay(pair);
    play.start({}, play.now + 77);
    expect(dueAt(play.saga)).toBe(play.now + 77);
    expect(dueAt({ ...play.saga, paused: true })).toBeUndefined();
  });

  it('is never when it is finished, paused or held', () => {
    const running = new SagaPlay(pair).start();
    expect(dueAt({ ...running.saga, paused: true })).toBeUndefined();
    expect(dueAt({ ...running.saga, state: 'failed' })).toBeUndefined();
    expect(dueAt(running.apply(quarantine).saga)).toBeUndefined();
  });
});

describe('promise 6', () => {
  const { saga } = new SagaPlay(pair).start();
  const stalled: Saga = { ...saga, steps: {} };

  it('is broken by a saga that nothing will move', () => {
    expect(isLive(saga)).toBe(true);
    expect(isLive(stalled)).toBe(false);
    expect(isLive({ ...stalled, state: 'pending' })).toBe(false);
  });

  it('is kept by an end, a pause, a start to come, or a named reason to wait for a person', () => {
    const reasons: Partial<Saga>[] = [
      { state: 'failed' },
      { paused: true },
      { state: 'pending', startAt: 5 },
      { attention: [{ code: 'X', message: 'x', since: 0 }] },
    ];
    expect(reasons.map((reason) => isLive({ ...stalled, ...reason }))).toEqual([true, true, true, true]);
  });
});

describe('the phase', () => {
  it('is the first that applies of paused, attention, cancelling, compensating, forward', () => {
    const { saga } = new SagaPlay(pair).start();
    const layers: [string, Partial<Saga>][] = [
      ['forward', {}],
      ['compensating', { direction: 'undo', aim: 'compensated' }],
      ['cancelling', { aim: 'cancelled' }],
      ['attention', { attention: [{ code: 'X', message: 'x', since: 0 }] }],
      ['paused', { paused: true }],
    ];
    let current = saga;
    for (const [phase, more] of layers) {
      current = { ...current, ...more };
      expect(phaseOf(current)).toBe(phase);
    }
  });
});

describe('the row of a saga', () => {
  it('holds the open attempts and the soonest moment, and no payloads', () => {
    const play = new SagaPlay(pair).start({ secret: 'input' }).fail('b').succeed('a', { secret: 'output' });
    const row = rowOf(play.saga);
    expect(row).toEqual({
      sagaId: SAGA_ID,
      workflow: { name: 'pair', version: 1, digest: pair.digest },
      version: 3,
      state: 'running',
      direction: 'forward',
      aim: 'completed',
      paused: false,
      attention: [],
      position: [['b', 'forward', 1, 1, 'waiting', play.now + 500]],
      dueAt: play.now + 500,
      createdAt: play.now,
      updatedAt: play.now,
    });
    expect(Object.keys(row)).not.toContain('cause');
    expect(JSON.stringify(row)).not.toContain('secret');
  });

  it('holds the cause, and nothing open at the end', () => {
    const play = new SagaPlay(pair).start().reject('a');
    expect(rowOf(play.saga).position).toEqual([['b', 'forward', 1, 1, 'running', play.now + 300]]);
    play.reject('b');
    expect(isFinished(play.saga)).toBe(true);
    const { position, dueAt: due, cause } = rowOf(play.saga);
    expect({ position, due, cause }).toMatchObject({ position: [], due: undefined, cause: { step: 'a' } });
  });
});
