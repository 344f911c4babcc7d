import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, rowOf } from './index.js';
import type { SagaEvent, SignalOptions } from './index.js';

const HOUR = 3_600_000;
const say = (name: string, data?: unknown, id = name): SagaEvent => ({
  type: 'signal',
  id,
  name,
  ...(data !== undefined && { data }),
});

describe('a signal', () => {
  const workflow = (more: Partial<SignalOptions> = {}) =>
    new WorkflowBuilder('w')
      .addStep('a', 'q.a', 'q.undo-a')
      .waitForSignal('paid', { timeout: HOUR, ...more })
      .addStep('b', 'q.b', { readOnly: true })
      .build();
  const waiting = (more: Partial<SignalOptions> = {}): SagaPlay =>
    new SagaPlay(workflow(more)).start().succeed('a');

  it('is waited for until it comes, and gives its data', () => {
    const play = waiting();
    expect(rowOf(play.saga).dueAt).toBe(play.now + HOUR);
    play.apply(say('paid', { sum: 5 }));
    expect(play.sent.at(-1)).toMatchObject({ step: 'b', data: { paid: { sum: 5 } } });
  });

  it('is kept when it comes before anything waits for it', () => {
    const play = new SagaPlay(workflow()).start().apply(say('paid', 1)).succeed('a');
    expect(play.sent.at(-1)).toMatchObject({ step: 'b', data: { paid: 1 } });
    expect(play.saga.signals).toEqual([]);
  });

  it('counts once by its id', () => {
    const play = waiting().apply(say('paid', 1));
    expect(play.ignored(say('paid', 2))).toContain('before');
  });

  it('fails the saga when it does not come in time, or goes on without it', () => {
    const play = waiting().wait().undone('a');
    expect(play.saga).toMatchObject({
      state: 'compensated',
      cause: { step: 'paid', code: 'SIGNAL_TIMEOUT' },
    });
    const other = waiting({ onTimeout: 'continue' }).wait();
    expect(other.sent.at(-1)).toMatchObject({ step: 'b', data: { paid: null } });
  });

  it('is refused when nobody will ever wait for it, its data are wrong, or the saga is being undone', () => {
    const play = waiting({ output: z.object({ sum: z.number() }) });
    expect(play.decide(say('paidd'))).toMatchObject({ code: 'UNKNOWN_SIGNAL', allowed: ['paid'] });
    expect(play.decide(say('paid', { sum: 'x' }))).toMatchObject({ code: 'SIGNAL_INVALID' });
    play.apply({ type: 'cancel' });
    expect(play.decide(say('paid', { sum: 1 }))).toMatchObject({ code: 'SAGA_TURNED' });
  });

  it('is no longer waited for when the saga turns', () => {
    const play = waiting().apply({ type: 'cancel' });
    expect(rowOf(play.saga).position.map(([step]) => step)).toEqual(['a']);
  });

  it('that wins a group ends the wait of the others', () => {
    const race = new WorkflowBuilder('w')
      .addParallelSteps(
        [
          { name: 'yes', signal: 'yes', timeout: HOUR },
          { name: 'no', signal: 'no', timeout: HOUR },
        ],
        { join: 'any' },
      )
      .build();
    expect(new SagaPlay(race).start().apply(say('no')).saga.state).toBe('completed');
  });
});

describe('an approval', () => {
  const workflow = new WorkflowBuilder('w')
    .addStep('a', 'q.a', 'q.undo-a')
    .waitForApproval('boss', { timeout: HOUR })
    .build();

  it('goes on, or turns the saga with the words of who refused', () => {
    expect(
      new SagaPlay(workflow)
        .start()
        .succeed('a')
        .apply(say('boss', { approved: true })).saga.state,
    ).toBe('completed');
    const play = new SagaPlay(workflow)
      .start()
      .succeed('a')
      .apply(say('boss', { approved: false, reason: 'too dear' }));
    expect(play.saga.cause).toMatchObject({ step: 'boss', code: 'NOT_APPROVED', message: 'too dear' });
    expect(play.decide(say('boss', 'yes', '2'))).toMatchObject({ kind: 'refused' });
  });

  it('can be waited for anew by a person where the saga holds', () => {
    const holding = new WorkflowBuilder('w')
      .waitForApproval('boss', { timeout: HOUR })
      .withFailureMode('hold')
      .build();
    const play = new SagaPlay(holding).start().wait();
    expect(play.saga.attention).toMatchObject([{ code: 'STEP_FAILED', step: 'boss' }]);
    play.apply({ type: 'intervene', verb: 'retry', actor: 'ann', reason: 'boss was away' });
    expect(play.apply(say('boss', { approved: true })).saga.state).toBe('completed');
  });
});

describe('a sleep', () => {
  it('lasts so long, or until a date', () => {
    const workflow = new WorkflowBuilder('w')
      .sleep('nap', 500)
      .sleepUntil('dawn', (context) => context.get('dawn') as number)
      .addStep('a', 'q.a', { readOnly: true })
      .build();
    const play = new SagaPlay(workflow);
    play.start({ dawn: play.now + 2_000 });
    expect(rowOf(play.saga)).toMatchObject({ state: 'running', dueAt: play.now + 500 });
    play.wait();
    expect(play.commands).toEqual([]);
    expect(play.wait().commands).toEqual(['q.a']);
  });

  it('is over at once when the date has passed', () => {
    const workflow = new WorkflowBuilder('w').sleepUntil('past', () => '1970-01-01T00:00:01Z').build();
    expect(new SagaPlay(workflow).start().saga.state).toBe('completed');
  });
});

describe('a start that is put off', () => {
  const workflow = new WorkflowBuilder('w').waitForSignal('go', { timeout: HOUR }).build();
  const later = (): SagaPlay => {
    const play = new SagaPlay(workflow);
    return play.start({}, play.now + 5_000);
  };

  it('is not brought forward by what happens before, which is kept', () => {
    const play = later().apply(say('go'));
    expect(play.saga.state).toBe('pending');
    play.apply({ type: 'pause' }).apply({ type: 'resume' });
    play.apply({ type: 'quarantine', code: 'POISON', message: 'no' });
    play.apply({ type: 'intervene', verb: 'release' });
    expect(play.saga.state).toBe('pending');
    expect(play.wait().saga.state).toBe('completed');
    expect(play.now).toBe(play.saga.createdAt + 5_000);
  });

  it('is made up for at resume, when its time came during a pause', () => {
    const play = later().apply({ type: 'pause' });
    play.now += 60_000;
    expect(play.ignored({ type: 'timer' })).toContain('paused');
    expect(play.apply({ type: 'resume' }).saga.state).toBe('running');
  });
});

describe('the deadline of a saga', () => {
  const workflow = new WorkflowBuilder('w')
    .addStep('a', 'q.a', { compensation: 'q.undo-a', attemptTimeout: 10_000 })
    .addStep('b', 'q.b', { readOnly: true, attemptTimeout: 10_000 })
    .withSagaTimeout(1_000)
    .build();

  it('undoes it as a cancel would, and lets the undo take its time', () => {
    const play = new SagaPlay(workflow).start().succeed('a').wait();
    expect(play.saga).toMatchObject({ direction: 'undo', aim: 'cancelled', cause: { code: 'DEADLINE' } });
    play.reject('b');
    play.now += 60_000;
    expect(play.undone('a').saga.state).toBe('cancelled');
  });

  it('ends a saga that has nothing to undo, once', () => {
    const waiting = new WorkflowBuilder('w').waitForSignal('go', { timeout: HOUR }).withSagaTimeout(1_000);
    const play = new SagaPlay(waiting.build()).start().wait();
    expect(play.saga.state).toBe('cancelled');
    expect(play.factsOf('finished')).toHaveLength(1);
  });

  it('counts from the start that was put off', () => {
    const play = new SagaPlay(workflow);
    play.start({}, play.now + 5_000).wait();
    expect(play.saga.deadline).toBe(play.now + 1_000);
  });
});

describe('a pause', () => {
  const timed = new WorkflowBuilder('w')
    .addStep('a', 'q.a', { compensation: 'q.undo-a' })
    .addStep('b', 'q.b', { pivot: true })
    .withSagaTimeout(60_000)
    .build();
  const paused = () => new SagaPlay(timed).start().apply({ type: 'pause', actor: 'ann', reason: 'audit' });

  it('applies replies, sends nothing, lets no time run out, and goes on at resume', () => {
    const play = paused();
    expect(rowOf(play.saga).dueAt).toBeUndefined();
    expect(play.ignored({ type: 'pause' })).toContain('already');
    play.succeed('a');
    expect(play.commands).toEqual(['q.a']);
    play.apply({ type: 'resume' });
    expect(play.commands).toEqual(['q.a', 'q.b']);
  });

  it('puts its deadline off until it is resumed, and then nothing new is sent', () => {
    const play = paused().succeed('a');
    play.now += 10_000_000;
    expect(play.ignored({ type: 'timer' })).toContain('paused');
    expect(play.ignored(play.deadlineOf('a'))).toContain('is over');
    play.apply({ type: 'resume' });
    expect(play.commands).toEqual(['q.a', 'q.undo-a']);
    expect(play.undone('a').saga).toMatchObject({ state: 'cancelled', cause: { code: 'DEADLINE' } });
  });

  it('does not undo what was done before it was resumed, however late', () => {
    const all = new WorkflowBuilder('w').addStep('a', 'q.a', 'q.undo-a').withSagaTimeout(60_000).build();
    const play = new SagaPlay(all).start().apply({ type: 'pause' }).succeed('a');
    play.now += 10_000_000;
    expect(play.apply({ type: 'resume' }).saga.state).toBe('completed');
  });

  it('keeps the cause of what failed before the deadline', () => {
    const play = paused().reject('a', 'NO_FUNDS');
    play.now += 10_000_000;
    play.apply({ type: 'resume' });
    expect(play.saga).toMatchObject({ state: 'compensated', cause: { code: 'NO_FUNDS', step: 'a' } });
  });

  it('is like a hold: released after its deadline, it sends nothing new', () => {
    const play = new SagaPlay(timed).start().apply({ type: 'pause' }).succeed('a');
    play.apply({ type: 'quarantine', code: 'POISON', message: 'held' });
    play.now += 10_000_000;
    play.apply({ type: 'intervene', verb: 'release' });
    expect(play.commands).toEqual(['q.a']);
    play.apply({ type: 'resume' });
    expect(play.commands).toEqual(['q.a', 'q.undo-a']);
    const held = new SagaPlay(timed).start({}, 1_005_000);
    held.apply({ type: 'quarantine', code: 'POISON', message: 'held' });
    held.now += 10_000_000;
    expect(held.apply({ type: 'intervene', verb: 'release' }).saga.state).toBe('cancelled');
    expect(held.commands).toEqual([]);
  });

  it('keeps signals and requests for later', () => {
    const workflow = new WorkflowBuilder('w')
      .addStep('a', 'q.a', 'q.undo-a')
      .waitForSignal('go', { timeout: HOUR })
      .build();
    const play = new SagaPlay(workflow).start().succeed('a').apply({ type: 'pause' }).apply(say('go'));
    expect(play.saga.state).toBe('running');
    expect(play.apply({ type: 'resume' }).saga.state).toBe('completed');
    const other = new SagaPlay(workflow)
      .start()
      .succeed('a')
      .apply({ type: 'pause' })
      .apply({ type: 'cancel' });
    expect(other.commands).toEqual(['q.a']);
    expect(other.apply({ type: 'resume' }).commands.at(-1)).toBe('q.undo-a');
  });

  it('leaves nothing to ask about a step when the saga was turned meanwhile', () => {
    const holding = new WorkflowBuilder('w')
      .addStep('a', 'q.a', { compensation: 'q.undo-a', retry: { maxRetries: 0 } })
      .withFailureMode('hold')
      .build();
    const play = new SagaPlay(holding).start().fail('a').apply({ type: 'pause' }).apply({ type: 'cancel' });
    expect(play.saga).toMatchObject({ aim: 'cancelled', attention: [] });
    expect(play.decide({ type: 'intervene', verb: 'undo', step: 'a' })).toMatchObject({
      code: 'NOTHING_WAITS',
    });
    play.apply({ type: 'resume' }).undone('a');
    expect(play.saga.state).toBe('cancelled');
  });
});
