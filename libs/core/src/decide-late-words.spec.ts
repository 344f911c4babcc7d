import { describe, expect, it } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder } from './index.js';
import type { BarrierMode } from '@counterstep/protocol';

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

  it('that was given up: nor when the late success comes after that', () => {
    const two = new WorkflowBuilder('w')
      .addStep('a', 'q.a', 'q.undoA')
      .addStep('b', 'q.b', { compensation: 'q.undoB', barrier: 'external', retry: once, undoRetry: once })
      .build();
    const play = new SagaPlay(two).start().succeed('a').timeOut('b').timeOut('b', 'undo');
    play.apply({ type: 'intervene', verb: 'giveUp', step: 'b' });
    play.apply(play.replyOf('b', 'succeeded', { late: true, output: 7 }));
    expect(play.commands).toEqual(['q.a', 'q.b', 'q.undoB', 'q.undoA']);
    expect(play.undone('a').saga).toMatchObject({ state: 'failed', steps: { b: { output: 7 } } });
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
    expect(play.saga.steps['a']?.undo).toMatchObject({ status: 'ended', outcome: 'succeeded' });
  });

  it('that never had to be: what a person says became of the effect is not taken for the word of the undo', () => {
    const play = stuckAndLate().apply({
      type: 'intervene',
      verb: 'resolve',
      step: 'a',
      outcome: 'rejected',
      evidence: 'there was nothing to refund',
    });
    expect(play.saga.state).toBe('compensated');
    expect(play.saga.steps['a']?.undo).toMatchObject({ status: 'ended', outcome: 'succeeded' });
  });
});

describe('an undo that is sent again by a person', () => {
  const stuck = (barrier: BarrierMode) =>
    new SagaPlay(undoable(barrier)).start().succeed('a').apply({ type: 'cancel' });
  const undoable = (barrier: BarrierMode) =>
    new WorkflowBuilder('w')
      .addStep('a', 'q.a', { compensation: 'q.undo-a', barrier, undoRetry: { maxRetries: 1 } })
      .addStep('b', 'q.b', { readOnly: true })
      .build();

  it('after it was rejected has another key: under the former the barrier would repeat the rejection', () => {
    const play = stuck('transaction').reject('b').reject('a', 'CLOSED', { direction: 'undo' });
    expect(play.saga.attention).toMatchObject([{ code: 'COMPENSATION_FAILED', step: 'a' }]);
    play.apply({ type: 'intervene', verb: 'retry', step: 'a' });
    expect(play.sent.at(-1)).toMatchObject({ worker: 'q.undo-a', run: 2, attempt: 1 });
    expect(play.undone('a').saga.state).toBe('cancelled');
  });

  it('after it failed, or was rejected where an earlier attempt may have undone it, keeps its key', () => {
    const failed = stuck('external').reject('b').timeOut('a', 'undo').wait().timeOut('a', 'undo');
    failed.apply({ type: 'intervene', verb: 'retry', step: 'a' });
    expect(failed.sent.at(-1)).toMatchObject({ worker: 'q.undo-a', run: 1, attempt: 3 });
    const doubtful = stuck('external').reject('b').timeOut('a', 'undo').wait();
    doubtful.reject('a', 'CLOSED', { direction: 'undo' });
    expect(doubtful.saga.steps['a']?.undo).toMatchObject({ status: 'stuck', outcome: 'unknown' });
    doubtful.apply({ type: 'intervene', verb: 'retry', step: 'a' });
    expect(doubtful.sent.at(-1)).toMatchObject({ worker: 'q.undo-a', run: 1, attempt: 3 });
  });
});
