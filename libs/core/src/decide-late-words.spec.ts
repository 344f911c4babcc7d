import { describe, expect, it } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder } from './index.js';

const once = { maxRetries: 0 };
const workflow = new WorkflowBuilder('w')
  .addStep('a', 'q.a', { compensation: 'q.undoA', barrier: 'external', retry: once, undoRetry: once })
  .build();

/** The action was given up, its undo is stuck, and meanwhile the action proved to have succeeded after the undo began. */
const stuckAndLate = () =>
  new SagaPlay(workflow).start().timeOut('a').timeOut('a', 'undo').apply({
    type: 'reply',
    step: 'a',
    direction: 'forward',
    run: 1,
    attempt: 1,
    outcome: 'succeeded',
    late: true,
  });

describe('a person has the last word on an undo', () => {
  it('that was given up: it is not sent again, though a late success asked for that', () => {
    const play = stuckAndLate().apply({ type: 'intervene', verb: 'giveUp', step: 'a' });
    expect(play.commands).toEqual(['q.a', 'q.undoA']);
    expect(play.saga.state).toBe('failed');
  });

  it('that was done outside: it is not sent again either', () => {
    const play = stuckAndLate().apply({
      type: 'intervene',
      verb: 'resolve',
      step: 'a',
      evidence: 'refunded by hand',
    });
    expect(play.commands).toEqual(['q.a', 'q.undoA']);
    expect(play.saga.state).toBe('compensated');
  });
});
