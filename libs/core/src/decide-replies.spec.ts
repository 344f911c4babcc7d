import { describe, expect, it } from '@jest/globals';
import { SAGA_ID, SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, decide } from './index.js';
import type { Decision, Saga, SagaEvent, StepOptions } from './index.js';

const steps = (options: StepOptions = {}) =>
  new WorkflowBuilder('w')
    .addStep('a', 'q.a', { compensation: 'q.undoA', ...options })
    .addStep('b', 'q.b', 'q.undoB')
    .build();
const plain = steps();

describe('retries', () => {
  it('go on after the planned delay and not before, three by default', () => {
    const play = new SagaPlay(plain).start().fail('a');
    expect(play.saga.steps['a']?.forward).toMatchObject({ status: 'waiting', dueAt: play.now + 500 });
    expect(play.ignored({ type: 'timer' })).toBe('nothing is due');
    play.wait().fail('a').wait().fail('a').wait().fail('a');
    expect(play.commands).toEqual(['q.a', 'q.a#2', 'q.a#3', 'q.a#4', 'q.undoA']);
    expect(play.sent.slice(0, 4).every(({ run }) => run === 1)).toBe(true);
  });

  it('are not made for a code or a reply that says so', () => {
    const picky = steps({ retry: { nonRetryableCodes: ['CARD_STOLEN'] } });
    expect(new SagaPlay(picky).start().fail('a', 'CARD_STOLEN').commands).toEqual(['q.a', 'q.undoA']);
    expect(new SagaPlay(picky).start().fail('a', 'BUSY').saga.direction).toBe('forward');
    expect(new SagaPlay(plain).start().breakDown('a').commands).toEqual(['q.a', 'q.undoA']);
  });

  it('follow the workflow, and the step before the workflow', () => {
    const workflow = new WorkflowBuilder('w')
      .addStep('a', 'q.a')
      .addStep('b', 'q.b', { retry: { maxRetries: 0 } })
      .withRetryConfig({ maxRetries: 1 })
      .build();
    const play = new SagaPlay(workflow).start().fail('a').wait().succeed('a').fail('b');
    expect(play.commands).toEqual(['q.a', 'q.a#2', 'q.b']);
    expect(play.saga.state).toBe('compensated');
  });
});

describe('deadlines', () => {
  it('make an attempt unknown, which is retried like a failure', () => {
    const play = new SagaPlay(steps({ attemptTimeout: 200 })).start();
    expect(play.sent[0]?.timeout).toBe(200);
    play.timeOut('a');
    expect(play.saga.steps['a']?.forward).toMatchObject({
      status: 'waiting',
      outcome: 'unknown',
      error: { code: 'TIMEOUT' },
    });
    expect(play.wait().commands).toEqual(['q.a', 'q.a#2']);
  });

  it('change nothing once the attempt is over', () => {
    const play = new SagaPlay(plain).start();
    const first = play.deadlineOf('a');
    play.timeOut('a');
    expect(play.ignored(first)).toContain('is over');
    play.wait();
    expect(play.ignored(first)).toContain('is over');
    expect(play.ignored({ ...play.deadlineOf('a'), run: 2 })).toContain('is over');
    play.succeed('a');
    expect(play.ignored({ ...first, attempt: 2 })).toContain('is over');
    expect(play.ignored({ ...first, step: 'nobody' })).toContain('is over');
  });

  it('of a step cut its last attempt short, and leave no retry beyond', () => {
    const play = new SagaPlay(
      steps({ stepTimeout: 1_000, attemptTimeout: 800, retry: { jitter: 'none', initialDelay: 100 } }),
    ).start();
    play.timeOut('a').wait();
    expect(play.sent.map(({ timeout }) => timeout)).toEqual([800, 100]);
    expect(play.timeOut('a').commands.at(-1)).toBe('q.undoA');
  });

  it('of a step that passed while a retry waited end the step without another attempt', () => {
    const play = new SagaPlay(steps({ stepTimeout: 60_000 })).start().fail('a');
    play.now += 60_000;
    play.apply({ type: 'timer' });
    expect(play.commands).toEqual(['q.a', 'q.undoA']);
  });

  it('of a step let no retry begin at the very end', () => {
    const options = { stepTimeout: 1_000, retry: { jitter: 'none', initialDelay: 400 } } as const;
    const play = (at: number) => {
      const begun = new SagaPlay(steps(options)).start();
      begun.now += at;
      return begun.fail('a').saga.direction;
    };
    expect([play(599), play(600)]).toEqual(['forward', 'undo']);
  });

  it('of a step never cut its undo short', () => {
    const play = new SagaPlay(steps({ stepTimeout: 1_000, attemptTimeout: 800 })).start().succeed('a');
    play.reject('b').timeOut('a', 'undo').wait();
    play.fail('a', 'BUSY', { direction: 'undo' });
    play.now += 60_000;
    play.apply({ type: 'timer' });
    expect(play.sent.slice(2).map(({ worker, timeout }) => [worker, timeout])).toEqual(
      Array(3).fill(['q.undoA', 800]),
    );
  });

  it('retry a compensation too', () => {
    const play = new SagaPlay(plain).start().succeed('a').reject('b').timeOut('a', 'undo').wait().undone('a');
    expect(play.commands.slice(2)).toEqual(['q.undoA', 'q.undoA#2']);
    expect(play.factsOf('timedOut')[0]?.error.message).toBe('q.undoA did not answer attempt 1 in time');
    expect(play.saga.state).toBe('compensated');
  });
});

describe('a reply', () => {
  it('of an older attempt counts when it is a success', () => {
    const play = new SagaPlay(plain).start().timeOut('a').wait().succeed('a', 'late', { attempt: 1 });
    expect(play.saga.steps['a']).toMatchObject({ forward: { status: 'ended' }, output: 'late' });
    expect(play.commands.at(-1)).toBe('q.b');
    expect(play.ignored(play.replyOf('a', 'succeeded'))).toContain('settled before');
  });

  it('of an older attempt counts while the next one still waits', () => {
    const play = new SagaPlay(plain).start().timeOut('a').succeed('a');
    expect(play.commands).toEqual(['q.a', 'q.b']);
  });

  it('of an older attempt that failed says nothing of the newer one', () => {
    const play = new SagaPlay(plain).start().timeOut('a');
    expect(play.ignored(play.replyOf('a', 'failed'))).toContain('is over');
    play.wait();
    expect(play.ignored(play.replyOf('a', 'failed', { attempt: 1 }))).toContain('is over');
  });

  it('that rejects an older attempt does not end a step whose newer attempt is out', () => {
    const play = new SagaPlay(plain).start().timeOut('a').wait();
    expect(play.ignored(play.replyOf('a', 'rejected', { attempt: 1 }))).toContain('is over');
    expect(play.succeed('a').saga.direction).toBe('forward');
  });

  it('that rejects an older attempt of an undo leaves the newer one to answer', () => {
    const play = new SagaPlay(plain).start().succeed('a').reject('b').timeOut('a', 'undo').wait();
    play.ignored(play.replyOf('a', 'rejected', { direction: 'undo', attempt: 1 }));
    expect(play.undone('a').saga.state).toBe('compensated');
  });

  it.each(['transaction', 'external', 'none'] as const)(
    'that rejects after an attempt that failed, in mode %s',
    (barrier) => {
      const play = new SagaPlay(steps({ barrier })).start().fail('a').wait().reject('a');
      const definite = barrier === 'transaction';
      expect(play.saga.steps['a']?.forward?.outcome).toBe(definite ? 'rejected' : 'unknown');
      expect(play.commands.slice(2)).toEqual(definite ? [] : ['q.undoA']);
    },
  );

  it('that comes twice changes nothing', () => {
    const play = new SagaPlay(plain).start();
    const failed = play.replyOf('a', 'failed');
    play.apply(failed);
    expect(play.ignored(failed)).toContain('is over');
    const succeeded = play.replyOf('a', 'succeeded');
    play.apply(succeeded);
    expect(play.ignored(succeeded)).toContain('settled before');
  });

  it('that is foreign changes nothing', () => {
    const play = new SagaPlay(plain).start();
    expect(play.ignored(play.replyOf('b', 'succeeded'))).toContain('nothing was asked');
    expect(play.ignored(play.replyOf('a', 'succeeded', { direction: 'undo' }))).toContain(
      'nothing was asked',
    );
    for (const step of ['nobody', 'constructor', '__proto__', ''])
      expect(play.ignored({ ...play.replyOf('a', 'succeeded'), step })).toContain('nothing was asked');
    expect(play.ignored(play.replyOf('a', 'succeeded', { run: 2 }))).toContain('run 2');
    expect(play.ignored(play.replyOf('a', 'succeeded', { attempt: 2 }))).toContain('never sent');
    expect(play.ignored(play.replyOf('a', 'rejected', { refused: true }))).toContain('refused');
  });

  it('of success that comes after a rejection, while others are undone already, is undone too', () => {
    const workflow = new WorkflowBuilder('w')
      .addStep('a', 'q.a', 'q.undoA')
      .addStep('b', 'q.b', { compensation: 'q.undoB', barrier: 'transaction' })
      .build();
    const play = new SagaPlay(workflow).start().succeed('a').timeOut('b').wait().reject('b');
    expect(play.commands.slice(3)).toEqual(['q.undoA']);
    play.succeed('b', 'late', { attempt: 1 });
    expect(play.sent.at(-1)).toMatchObject({ worker: 'q.undoB', data: { output: 'late' } });
    expect(play.undone('a').saga.state).toBe('running');
    expect(play.undone('b').saga.state).toBe('compensated');
  });

  it('to an undo that found nothing to undo says so in the history', () => {
    const play = new SagaPlay(plain).start().succeed('a').reject('b');
    play.apply(play.replyOf('a', 'succeeded', { direction: 'undo', noop: true }));
    expect(play.saga.steps['a']?.undo).toMatchObject({ status: 'ended', noop: true });
    expect(play.factsOf('replied').map(({ noop }) => noop)).toEqual([undefined, undefined, true]);
  });

  it('of success that comes after the step was given up, before its undo, gives the undo its output', () => {
    const workflow = new WorkflowBuilder('w')
      .withRetryConfig({ maxRetries: 0 })
      .addParallelSteps([
        { name: 'a', worker: 'q.a', compensation: 'q.undoA' },
        { name: 'b', worker: 'q.b', compensation: 'q.undoB' },
      ])
      .build();
    const play = new SagaPlay(workflow).start().timeOut('a').succeed('a', { id: 1 }, { undoData: 2 });
    play.reject('b');
    expect(play.commands.slice(2)).toEqual(['q.undoA']);
    expect(play.sent.at(-1)?.data).toMatchObject({ output: { id: 1 }, undoData: 2, outcome: 'succeeded' });
    expect(play.ignored(play.replyOf('a', 'succeeded'))).toContain('settled before');
  });
});

describe('cancel', () => {
  it('waits for what is in flight, sends nothing forward, undoes, and ends cancelled', () => {
    const play = new SagaPlay(plain)
      .start()
      .succeed('a')
      .apply({ type: 'cancel', reason: 'changed my mind' });
    expect(play.saga).toMatchObject({ state: 'running', direction: 'undo', aim: 'cancelled' });
    expect(play.commands).toHaveLength(2);
    play.succeed('b').undone('b').undone('a');
    expect(play.commands.slice(2)).toEqual(['q.undoB', 'q.undoA']);
    expect(play.saga).toMatchObject({
      state: 'cancelled',
      cause: { code: 'CANCELLED', message: 'changed my mind' },
    });
  });

  it('is in the history with who asked, and why', () => {
    const asked = (...words: Partial<Extract<SagaEvent, { type: 'cancel' }>>[]) =>
      words.map(
        (by) =>
          new SagaPlay(plain)
            .start()
            .apply({ type: 'cancel', ...by })
            .factsOf('cancelRequested')[0],
      );
    expect(asked({ actor: 'ann', reason: 'typo' }, { actor: 'ann' }, { reason: 'typo' }, {})).toStrictEqual([
      { type: 'cancelRequested', actor: 'ann', reason: 'typo' },
      { type: 'cancelRequested', actor: 'ann' },
      { type: 'cancelRequested', reason: 'typo' },
      { type: 'cancelRequested' },
    ]);
  });

  it('waits for an attempt until its deadline, and makes no retry', () => {
    const play = new SagaPlay(plain).start().apply({ type: 'cancel' }).timeOut('a').undone('a');
    expect(play.commands).toEqual(['q.a', 'q.undoA']);
    expect(play.saga.state).toBe('cancelled');
  });

  it('drops a retry that waits', () => {
    const play = new SagaPlay(plain).start().fail('a').apply({ type: 'cancel' });
    expect(play.commands).toEqual(['q.a', 'q.undoA']);
  });

  it('changes nothing when it is repeated, also at the end', () => {
    const play = new SagaPlay(plain).start().apply({ type: 'cancel' });
    play.ignored({ type: 'cancel', reason: 'again' });
    play.reject('a');
    expect(play.saga.state).toBe('cancelled');
    play.ignored({ type: 'cancel' });
  });

  it('is refused when the saga has ended otherwise', () => {
    const completed = new SagaPlay(plain).start().succeed('a').succeed('b');
    const compensated = new SagaPlay(plain).start().reject('a');
    for (const play of [completed, compensated])
      expect(play.decide({ type: 'cancel' })).toMatchObject({ kind: 'refused', code: 'SAGA_CLOSED' });
  });

  it('of a saga that runs nothing yet ends it at once', () => {
    const play = new SagaPlay(plain);
    play.start({}, play.now + 1_000).apply({ type: 'cancel' });
    expect(play.saga.state).toBe('cancelled');
    expect(play.commands).toEqual([]);
  });
});

describe('a start', () => {
  it('at a later time keeps the saga pending until then', () => {
    const play = new SagaPlay(plain);
    play.start({ n: 1 }, play.now + 1_000);
    expect(play.saga.state).toBe('pending');
    expect(play.commands).toEqual([]);
    play.ignored({ type: 'timer' });
    expect(play.wait().saga.state).toBe('running');
    expect(play.sent[0]?.data).toEqual({ n: 1 });
  });

  it('at a later time is told when it is accepted, and when it begins', () => {
    const play = new SagaPlay(plain);
    const told = (decision: Decision) => decision.kind === 'applied' && decision.effects.stateChanged;
    expect(told(play.decide({ type: 'start', sagaId: SAGA_ID, input: {}, startAt: play.now + 5 }))).toBe(
      true,
    );
    play.now += 5;
    expect(told(play.decide({ type: 'timer' }))).toBe(true);
    play.fail('a');
    play.now += 1_000;
    expect(told(play.decide({ type: 'timer' }))).toBe(false);
  });

  it('at a time that has passed begins at once', () => {
    const play = new SagaPlay(plain);
    expect(play.start({}, play.now).saga.state).toBe('running');
  });

  it('of a saga that exists changes nothing', () => {
    const play = new SagaPlay(plain).start();
    expect(play.ignored({ type: 'start', sagaId: play.saga.sagaId, input: {} })).toContain('started before');
  });
});

describe('quarantine', () => {
  const quarantine = { type: 'quarantine', code: 'POISON', message: 'the store refused it' } as const;

  it('tells a person who would release something else that nothing like that waits', () => {
    const play = new SagaPlay(plain).start().apply({ type: 'quarantine', code: 'POISON', message: 'no' });
    expect(play.decide({ type: 'intervene', verb: 'release', step: 'a' })).toMatchObject({
      kind: 'refused',
      code: 'NOTHING_WAITS',
    });
  });

  it('holds the saga: nothing moves it, and nothing is due', () => {
    const play = new SagaPlay(plain).start().apply(quarantine);
    expect(play.saga.attention).toEqual([
      { code: 'POISON', message: 'the store refused it', hold: true, since: play.now },
    ]);
    for (const event of [
      play.replyOf('a', 'succeeded'),
      play.deadlineOf('a'),
      { type: 'timer' } as const,
      quarantine,
    ])
      expect(play.ignored(event)).toContain('held');
    expect(play.decide({ type: 'cancel' })).toMatchObject({ kind: 'refused', code: 'QUARANTINED' });
  });
});

describe('every pair of state and event', () => {
  const late = new SagaPlay(plain);
  const states: Record<string, Saga | undefined> = {
    none: undefined,
    pending: late.start({}, late.now + 5).saga,
    running: new SagaPlay(plain).start().saga,
    undoing: new SagaPlay(plain).start().succeed('a').reject('b').saga,
    held: new SagaPlay(plain).start().apply({ type: 'quarantine', code: 'X', message: 'x' }).saga,
    completed: new SagaPlay(plain).start().succeed('a').succeed('b').saga,
    compensated: new SagaPlay(plain).start().reject('a').saga,
    cancelled: new SagaPlay(plain).start().apply({ type: 'cancel' }).reject('a').saga,
    paused: new SagaPlay(plain).start().apply({ type: 'pause' }).saga,
    failed: new SagaPlay(plain).start().apply({ type: 'terminate', reason: 'enough' }).saga,
  };
  const at = { step: 'a', direction: 'forward', run: 1, attempt: 1 } as const;
  const events: SagaEvent[] = [
    { type: 'start', sagaId: late.saga.sagaId, input: {} },
    { type: 'reply', ...at, outcome: 'succeeded' },
    { type: 'deadline', ...at },
    { type: 'timer' },
    { type: 'cancel' },
    { type: 'quarantine', code: 'X', message: 'x' },
    { type: 'pause' },
    { type: 'resume' },
    { type: 'terminate', reason: 'enough' },
    { type: 'signal', id: '1', name: 'nobody' },
    { type: 'intervene', verb: 'retry', step: 'a' },
    { type: 'heartbeat', ...at, undoData: 1 },
  ];

  it('has a defined result', () => {
    const moment = { now: late.now + 10, random: 0.5 };
    const table = Object.entries(states).map(([name, saga]) => [
      name,
      ...events.map((event) => decide(plain, saga, event, moment).kind),
    ]);
    const [yes, no, never] = ['applied', 'ignored', 'refused'];
    expect(table).toEqual([
      // start reply deadline timer cancel quarantine pause resume terminate signal intervene heartbeat
      ['none', yes, no, no, no, no, no, no, no, no, no, no, no],
      ['pending', no, no, no, yes, yes, yes, yes, no, yes, never, never, no],
      ['running', no, yes, yes, no, yes, yes, yes, no, yes, never, never, yes],
      ['undoing', no, no, no, no, no, yes, yes, no, yes, never, never, no],
      ['held', no, no, no, no, never, no, never, never, yes, never, never, no],
      ['completed', no, no, no, no, never, no, never, never, never, never, never, no],
      ['compensated', no, no, no, no, never, no, never, never, never, never, never, no],
      ['cancelled', no, no, no, no, no, no, never, never, never, never, never, no],
      ['paused', no, yes, no, no, yes, yes, no, yes, yes, never, never, yes],
      ['failed', no, yes, no, no, never, no, never, never, never, never, never, no],
    ]);
  });
});
