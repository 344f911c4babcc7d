import { describe, expect, it } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder } from './index.js';
import type { Join, ParallelOptions, StepMember } from './index.js';

const member = (name: string, more: object = {}): StepMember => ({
  name,
  worker: `q.${name}`,
  compensation: `q.undo-${name}`,
  barrier: 'transaction',
  retry: { maxRetries: 0 },
  ...more,
});

const group = (join: Join, names: string[], options: ParallelOptions = {}) =>
  new WorkflowBuilder('w')
    .addStep('first', 'q.first', { compensation: 'q.undo-first' })
    .addParallelSteps(
      names.map((name) => member(name)),
      { join, ...options },
    )
    .addStep('last', 'q.last', { compensation: 'q.undo-last' })
    .build();

const inGroup = (join: Join, names: string[], options: ParallelOptions = {}): SagaPlay =>
  new SagaPlay(group(join, names, options)).start().succeed('first');

describe('a group that joins all', () => {
  it('goes on when every member has succeeded', () => {
    const play = inGroup('all', ['a', 'b']).succeed('b');
    expect(play.commands).not.toContain('q.last');
    expect(play.succeed('a').commands).toContain('q.last');
  });

  it('waits for who is out before it undoes, and undoes members at the same time', () => {
    const play = inGroup('all', ['a', 'b', 'c']).succeed('a').reject('b');
    expect(play.saga).toMatchObject({ direction: 'undo', aim: 'compensated' });
    expect(play.commands).not.toContain('q.undo-a');
    play.succeed('c');
    expect(play.commands.slice(-2)).toEqual(['q.undo-a', 'q.undo-c']);
    expect(play.undone('c').commands).not.toContain('q.undo-first');
    expect(play.undone('a').commands.at(-1)).toBe('q.undo-first');
    expect(play.undone('first').saga.state).toBe('compensated');
  });

  it('does not wait when it fails fast: what is out counts as unknown and is undone at once', () => {
    const play = inGroup('all', ['a', 'b', 'c'], { onFailure: 'failFast' }).succeed('a').reject('b');
    expect(play.commands.slice(-2)).toEqual(['q.undo-a', 'q.undo-c']);
    expect(play.sent.at(-1)?.data).toMatchObject({ outcome: 'unknown' });
    // Its answer came while its undo was out: it may have succeeded before.
    play.succeed('c', { done: true });
    expect(play.factsOf('lateSuccess')).toMatchObject([{ step: 'c', again: 'ifNoop' }]);
    play.undone('a').undone('c').undone('first');
    expect(play.saga.state).toBe('compensated');
  });
});

describe('a group that joins any', () => {
  it('goes on with the first success, and undoes what else succeeds beside the way', () => {
    const play = inGroup('any', ['a', 'b', 'c']).succeed('b');
    expect(play.commands.at(-1)).toBe('q.last');
    expect(play.factsOf('lost').map(({ step }) => step)).toEqual(['a', 'c']);
    play.succeed('a');
    expect(play.commands.at(-1)).toBe('q.undo-a');
    expect(play.saga.direction).toBe('forward');
    play.reject('c').succeed('last');
    expect(play.saga.state).toBe('running');
    expect(play.undone('a').saga.state).toBe('completed');
  });

  it('tries no loser again', () => {
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps([member('a'), member('b', { retry: { maxRetries: 5 } })], { join: 'any' })
      .build();
    const play = new SagaPlay(workflow).start().fail('b').succeed('a');
    expect(play.saga.steps.b?.forward).toMatchObject({ status: 'ended', outcome: 'failed' });
    expect(play.commands.at(-1)).toBe('q.undo-b');
    expect(play.undone('b').saga.state).toBe('completed');
  });

  it('keeps what losers did when it was told to', () => {
    const play = inGroup('any', ['a', 'b'], { keep: true }).succeed('a').succeed('last');
    expect(play.saga.state).toBe('running');
    play.succeed('b');
    expect(play.saga.state).toBe('completed');
    expect(play.commands).not.toContain('q.undo-b');
  });

  it.each([
    [false, [{ step: 'b', queue: 'q', run: 1, reason: 'superseded' }]],
    [true, []],
  ])('tells losers that nobody waits for them, unless it keeps what they do: keep %p', (keep, notices) => {
    const play = inGroup('any', ['a', 'b'], { keep });
    expect(play.decide(play.replyOf('a', 'succeeded'))).toMatchObject({ effects: { notices } });
  });

  it('undoes kept losers with the rest when the saga turns', () => {
    const play = inGroup('any', ['a', 'b'], { keep: true }).succeed('a').succeed('b').reject('last');
    expect(play.commands.slice(-2)).toEqual(['q.undo-a', 'q.undo-b']);
  });

  it('fails when no member is left that could succeed', () => {
    const play = inGroup('any', ['a', 'b']).reject('a');
    expect(play.saga.direction).toBe('forward');
    expect(play.reject('b').saga).toMatchObject({ direction: 'undo', cause: { step: 'a' } });
  });

  it('fails for what failed first, in whatever order its members stand', () => {
    const play = inGroup('any', ['a', 'b']).reject('b');
    play.now += 5;
    expect(play.reject('a').saga.cause).toMatchObject({ step: 'b' });
    const paused = inGroup('all', ['a', 'b']).apply({ type: 'pause' }).reject('b');
    paused.now += 5;
    expect(paused.reject('a').apply({ type: 'resume' }).saga.cause).toMatchObject({ step: 'b' });
  });

  it('asks a person about a loser that cannot be undone, and goes on beside', () => {
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps([member('a'), member('b', { undoRetry: { maxRetries: 0 } })], { join: 'any' })
      .addStep('last', 'q.last', { readOnly: true })
      .build();
    const play = new SagaPlay(workflow).start().succeed('a').succeed('b');
    play.apply(play.replyOf('b', 'failed', { direction: 'undo' })).succeed('last');
    expect(play.saga).toMatchObject({ state: 'running', attention: [{ code: 'COMPENSATION_FAILED' }] });
    play.apply({ type: 'intervene', verb: 'giveUp', step: 'b', actor: 'ann', reason: 'small sum' });
    expect(play.saga.state).toBe('failed');
  });
});

describe('a group that joins a quorum', () => {
  it('goes on with so many, and fails when so many are not left', () => {
    const play = inGroup({ quorum: 2 }, ['a', 'b', 'c']).succeed('a').reject('b');
    expect(play.commands).not.toContain('q.last');
    expect(play.succeed('c').commands).toContain('q.last');
    const other = inGroup({ quorum: 2 }, ['a', 'b', 'c']).reject('a').reject('b');
    expect(other.saga.direction).toBe('undo');
  });
});

describe('a group that settles', () => {
  it('goes on when all have ended, however, and undoes the uncertain ones', () => {
    const play = inGroup('settle', ['a', 'b', 'c']).reject('a').fail('b');
    expect(play.commands).not.toContain('q.last');
    play.succeed('c');
    expect(play.commands.slice(-2)).toEqual(expect.arrayContaining(['q.last', 'q.undo-b']));
    expect(play.undone('b').succeed('last').saga.state).toBe('completed');
  });
});

describe('members with a condition', () => {
  it('count neither way when they are passed over', () => {
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps([member('a', { condition: () => false }), member('b')], { join: { quorum: 2 } })
      .build();
    expect(new SagaPlay(workflow).start().succeed('b').saga.state).toBe('completed');
  });
});

describe('a member that has failed while its group goes on', () => {
  it('begins nothing new: what waits for a retry inside is given up', () => {
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps(
        [
          { name: 'go', signal: 'go', timeout: 60_000 },
          { name: 'each', worker: 'q.each', compensation: 'q.undo-each', over: () => [1, 2] },
        ],
        { join: 'settle' },
      )
      .build();
    const play = new SagaPlay(workflow).start().fail('each/0').reject('each/1');
    expect(play.saga.steps['each/0']?.forward).toMatchObject({ status: 'ended', outcome: 'failed' });
    play.apply({ type: 'signal', id: '1', name: 'go' });
    expect(play.sent.at(-1)).toMatchObject({ step: 'each/0', direction: 'undo' });
    expect(play.undone('each/0').saga.state).toBe('completed');
  });
});

describe('what steps write into the context', () => {
  it('is seen by later steps, the later stage winning', () => {
    const seen: unknown[] = [];
    const workflow = new WorkflowBuilder('w')
      .addStep('a', 'q.a', { writes: ['total'], readOnly: true })
      .addStep('b', 'q.b', { writes: ['total'], readOnly: true })
      .addStep('c', 'q.c', { readOnly: true, input: (context) => seen.push(context.get('total')) })
      .build();
    new SagaPlay(workflow).start({ total: 0 }).succeed('a', { total: 1 }).succeed('b', { total: 2 });
    expect(seen).toEqual([2]);
  });

  it('is made one of several by a reducer, once, and kept in the history', () => {
    let calls = 0;
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps([member('a', { writes: ['n'] }), member('b', { writes: ['n'] })], {
        reducers: {
          n: (values: readonly unknown[]) => ((calls += 1), values.map(Number).reduce((x, y) => x + y, 0)),
        },
      })
      .addStep('c', 'q.c', { readOnly: true })
      .build();
    const play = new SagaPlay(workflow).start().succeed('b', { n: 2 }).succeed('a', { n: 40 });
    expect(play.factsOf('joined')).toMatchObject([{ patch: { n: 42 } }]);
    expect(play.sent.at(-1)?.data).toMatchObject({ n: 42 });
    play.succeed('c');
    expect(calls).toBe(1);
  });

  it('is seen by nobody before the reducer has made one value of it', () => {
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps(
        [
          member('a', { writes: ['n', 'm'] }),
          { name: 'each', worker: 'q.each', readOnly: true, concurrency: 1, over: () => [1, 2] },
        ],
        { reducers: { n: (values: readonly unknown[]) => values } },
      )
      .build();
    const play = new SagaPlay(workflow).start().succeed('a', { n: 1, m: 1 }).succeed('each/0');
    expect(play.sent.at(-1)).toMatchObject({ step: 'each/1', data: { a: { n: 1 }, m: 1 } });
    expect(play.sent.at(-1)?.data).not.toHaveProperty('n');
  });

  it('is asked for again when a reducer throws', () => {
    let broken = true;
    const reduce = (values: readonly unknown[]): unknown => {
      if (broken) throw new Error('no sum');
      return values.length;
    };
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps([member('a', { writes: ['n'] }), member('b', { writes: ['n'] })], {
        reducers: { n: reduce },
      })
      .addStep('c', 'q.c', { readOnly: true })
      .build();
    const play = new SagaPlay(workflow).start().succeed('a', { n: 1 }).succeed('b', { n: 1 });
    expect(play.saga.stalls).toHaveLength(1);
    broken = false;
    expect(play.wait().saga.stalls).toBeUndefined();
    expect(play.succeed('c').saga.state).toBe('completed');
  });
});
