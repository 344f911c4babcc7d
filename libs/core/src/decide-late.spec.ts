import { describe, expect, it } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder } from './index.js';
import type { BarrierMode } from '@counterstep/protocol';

const workflow = (barrier: BarrierMode) =>
  new WorkflowBuilder('w')
    .addStep('a', 'q.a', 'q.undo-a')
    .addStep('b', 'q.b', { compensation: 'q.undo-b', barrier, retry: { maxRetries: 0 } })
    .build();
/** Step b got no answer in time, and its undo is out. */
const undoing = (barrier: BarrierMode = 'external'): SagaPlay =>
  new SagaPlay(workflow(barrier)).start().succeed('a').timeOut('b');
const undone = (play: SagaPlay, noop: boolean): SagaPlay =>
  play.apply(play.replyOf('b', 'succeeded', { direction: 'undo', ...(noop && { noop }) }));

describe('a success that comes after its undo was sent', () => {
  it('needs no other undo when that one ran for real', () => {
    const play = undoing().succeed('b', { n: 1 });
    expect(play.factsOf('lateSuccess')).toMatchObject([{ output: { n: 1 }, again: 'ifNoop' }]);
    undone(play, false).undone('a');
    expect(play.saga.state).toBe('compensated');
  });

  it('is undone again, with its output, when that one found nothing', () => {
    const play = undone(undoing().succeed('b', { n: 1 }), true);
    expect(play.sent.at(-1)).toMatchObject({
      worker: 'q.undo-b',
      run: 2,
      attempt: 1,
      data: { output: { n: 1 }, outcome: 'succeeded' },
    });
    expect(play.commands).toEqual(['q.a', 'q.b', 'q.undo-b', 'q.undo-b']);
    undone(play, false).undone('a');
    expect(play.saga.state).toBe('compensated');
  });

  it('is undone again when the worker says that it finished after the undo began', () => {
    const play = undone(undoing().succeed('b', { n: 1 }, { late: true }), false);
    expect(play.sent.at(-1)).toMatchObject({ worker: 'q.undo-b', run: 2 });
  });

  it('is undone again when it comes after an undo that found nothing had ended', () => {
    const play = undone(undoing(), true).succeed('b', { n: 1 });
    expect(play.sent.filter(({ worker }) => worker === 'q.undo-b').map(({ run }) => run)).toEqual([1, 2]);
    // The undo of what came before went on meanwhile.
    play.undone('a');
    expect(play.saga.state).toBe('running');
    expect(undone(play, false).saga.state).toBe('compensated');
  });

  it('counts once', () => {
    const play = undoing().succeed('b', { n: 1 });
    expect(play.ignored(play.replyOf('b', 'succeeded'))).toContain('settled before');
  });
});

describe('a promise that nothing happened, after the step was given up', () => {
  const waiting = (barrier: BarrierMode): SagaPlay => {
    const group = new WorkflowBuilder('w')
      .addParallelSteps([
        { name: 'b', worker: 'q.b', compensation: 'q.undo-b', barrier, retry: { maxRetries: 0 } },
        { name: 'c', worker: 'q.c', compensation: 'q.undo-c' },
      ])
      .build();
    return new SagaPlay(group).start().timeOut('b');
  };

  it('saves its undo where the barrier keeps rejections', () => {
    const play = waiting('transaction').reject('b').reject('c');
    expect(play.factsOf('lateRejection')).toHaveLength(1);
    expect(play.saga.state).toBe('compensated');
    expect(play.commands).toEqual(['q.b', 'q.c']);
  });

  it('proves nothing elsewhere', () => {
    const play = waiting('external');
    expect(play.ignored(play.replyOf('b', 'rejected'))).toContain('settled before');
    expect(play.reject('c').commands.at(-1)).toBe('q.undo-b');
  });
});

describe('an answer after the end', () => {
  const ended = (noop: boolean): SagaPlay => undone(undoing(), noop).undone('a');

  it('is kept, and a person is told when the effect may stand', () => {
    const play = ended(true);
    expect(play.saga.state).toBe('compensated');
    play.succeed('b', { n: 1 });
    expect(play.factsOf('lateReply')).toMatchObject([{ step: 'b', outcome: 'succeeded', output: { n: 1 } }]);
    expect(play.saga).toMatchObject({
      state: 'compensated',
      attention: [{ code: 'LATE_EFFECT', step: 'b' }],
    });
    expect(play.ignored(play.replyOf('b', 'succeeded'))).toContain('compensated');
    play.apply({
      type: 'intervene',
      verb: 'resolve',
      evidence: 'refunded by hand',
      actor: 'ann',
      reason: 'late',
    });
    expect(play.saga).toMatchObject({ state: 'compensated', attention: [] });
  });

  it('asks nobody when the undo ran for real', () => {
    const play = ended(false).succeed('b');
    expect(play.saga.attention).toEqual([]);
  });

  it('of a saga that was terminated is kept too', () => {
    const play = new SagaPlay(workflow('external')).start().succeed('a');
    play.apply({ type: 'terminate', actor: 'ann', reason: 'enough' });
    expect(play.factsOf('terminated')).toMatchObject([{ standing: ['a', 'b'] }]);
    expect(play.succeed('b').saga).toMatchObject({ state: 'failed', attention: [{ code: 'LATE_EFFECT' }] });
  });

  it('is ignored when it is no news', () => {
    const play = new SagaPlay(workflow('external')).start().succeed('a').succeed('b');
    expect(play.ignored(play.replyOf('b', 'succeeded'))).toContain('completed');
    expect(play.ignored(play.replyOf('b', 'failed'))).toContain('completed');
  });
});

describe('an undo that is stuck', () => {
  const stuck = (): SagaPlay => {
    const play = undoing();
    return play.apply(
      play.replyOf('b', 'failed', {
        direction: 'undo',
        error: { code: 'E', message: 'e', retryable: false },
      }),
    );
  };
  const by = { step: 'b', direction: 'undo', actor: 'ann', reason: 'called them' } as const;

  it('holds up what depends on it until its answer comes after all', () => {
    const play = stuck();
    expect(play.saga.attention).toMatchObject([
      { code: 'COMPENSATION_FAILED', step: 'b', direction: 'undo' },
    ]);
    expect(play.commands).not.toContain('q.undo-a');
    expect(undone(play, false).commands.at(-1)).toBe('q.undo-a');
    expect(play.saga.attention).toEqual([]);
  });

  it('is sent again by a person, with another input if need be, and gets its retries anew', () => {
    const play = stuck().apply({ type: 'intervene', verb: 'retry', input: { iban: 'X' }, ...by });
    expect(play.sent.at(-1)).toMatchObject({
      worker: 'q.undo-b',
      run: 1,
      attempt: 2,
      data: { input: { iban: 'X' } },
    });
    play.apply(play.replyOf('b', 'failed', { direction: 'undo' }));
    expect(play.saga.steps.b?.undo?.status).toBe('waiting');
  });

  it('is over when a person proves it', () => {
    const play = stuck()
      .apply({ type: 'intervene', verb: 'resolve', evidence: 'letter', ...by })
      .undone('a');
    expect(play.saga.state).toBe('compensated');
  });

  it('lets the rest go on when a person gives it up, and the saga ends as failed', () => {
    const play = stuck()
      .apply({ type: 'intervene', verb: 'giveUp', ...by })
      .undone('a');
    expect(play.saga.state).toBe('failed');
  });
});

describe('a sign of life with undo data', () => {
  it('is what an undo gets when nothing else comes, and puts the deadline off', () => {
    const play = new SagaPlay(workflow('external')).start().succeed('a');
    play.now += 20_000;
    play.apply({
      type: 'heartbeat',
      step: 'b',
      direction: 'forward',
      run: 1,
      attempt: 1,
      undoData: { booking: 9 },
    });
    expect(play.saga.steps.b?.forward?.dueAt).toBe(play.now + 30_000);
    play.timeOut('b');
    expect(play.sent.at(-1)?.data).toMatchObject({ undoData: { booking: 9 }, outcome: 'unknown' });
  });

  it('is kept for the undo after the step was given up too, until that is sent', () => {
    const once = { maxRetries: 0 };
    const holding = new WorkflowBuilder('w')
      .addStep('a', 'q.a', { compensation: 'q.undo-a', retry: once })
      .withFailureMode('hold');
    const play = new SagaPlay(holding.build()).start().timeOut('a');
    const sign = { type: 'heartbeat', step: 'a', direction: 'forward', run: 1, attempt: 1 } as const;
    play.apply({ ...sign, undoData: { booking: 9 } });
    expect(play.saga.steps.a?.forward).toMatchObject({ status: 'stuck' });
    play.apply({ type: 'intervene', verb: 'undo', step: 'a' });
    expect(play.sent.at(-1)?.data).toMatchObject({ undoData: { booking: 9 } });
    expect(play.ignored({ ...sign, undoData: { booking: 10 } })).toContain('is over');
  });
});

describe('an attempt that no worker took', () => {
  it('ends with a code of its own', () => {
    const play = new SagaPlay(workflow('external')).start().succeed('a');
    play.apply({ ...play.deadlineOf('b'), notPickedUp: true });
    expect(play.saga.cause).toMatchObject({ step: 'b', code: 'NOT_PICKED_UP' });
  });
});
