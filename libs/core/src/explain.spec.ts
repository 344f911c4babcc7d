import { describe, expect, it } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, explain } from './index.js';
import type { Reason, Workflow } from './index.js';

const retry = { initialDelay: 12_000, jitter: 'none' } as const;
const payment = new WorkflowBuilder('payment')
  .addStep('reserve', 'stock.reserve', 'stock.release')
  .addStep('charge', 'payments.charge', { compensation: 'payments.refund', retry })
  .build() as Workflow;

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
const textsOf = (play: SagaPlay, now = play.now): string[] =>
  explain(play.saga, play.workflow, now).reasons.map(({ text }) => text);
const reasonsOf = (play: SagaPlay): readonly Reason[] => explain(play.saga, play.workflow, play.now).reasons;
const pause = { type: 'pause' } as const;
const quarantine = { type: 'quarantine', code: 'POISON', message: 'the store refused it' } as const;

describe('why a saga waits, going forward', () => {
  it('names the command that is out, how long, and how long it may take', () => {
    const play = new SagaPlay(payment).start();
    expect(textsOf(play, play.now + 5_000)).toEqual([
      'attempt 1 of 4 of reserve was sent 5 s ago: stock.reserve has 25 s left',
    ]);
    expect(textsOf(play, play.now + 32_000)).toEqual([
      'attempt 1 of 4 of reserve was sent 32 s ago: stock.reserve is 2 s past its time unless it shows signs of life',
    ]);
    expect(reasonsOf(play)).toEqual([
      {
        kind: 'command',
        step: 'reserve',
        direction: 'forward',
        worker: 'stock.reserve',
        run: 1,
        attempt: 1,
        of: 4,
        since: iso(play.now),
        dueAt: iso(play.now + 30_000),
        error: null,
        lost: false,
        text: expect.any(String),
      },
    ]);
  });

  it('counts the attempts that failed, and says when the next is due', () => {
    const play = new SagaPlay(payment).start().succeed('reserve').fail('charge', 'BUSY');
    expect(textsOf(play)).toEqual([
      'attempt 2 of 4 of charge is due in 12 s: payments.charge failed once with BUSY',
    ]);
    play.wait().timeOut('charge');
    expect(textsOf(play, play.now + 12_000)).toEqual([
      'attempt 3 of 4 of charge is due in 12 s: payments.charge failed twice, last with TIMEOUT',
    ]);
    expect(textsOf(play, play.now + 25_000)[0]).toMatch(/was due 1 s ago:/);
    expect(reasonsOf(play)).toMatchObject([{ kind: 'retry', attempt: 3, of: 4, error: { code: 'TIMEOUT' } }]);
  });

  it('gives the retries anew that a person asked for', () => {
    const held = new WorkflowBuilder('held')
      .addStep('a', 'q.a', { compensation: 'q.undoA', retry: { ...retry, maxRetries: 1 } })
      .withFailureMode('hold')
      .build() as Workflow;
    const play = new SagaPlay(held).start().fail('a').wait().fail('a');
    expect(reasonsOf(play)).toMatchObject([
      { kind: 'attention', code: 'STEP_FAILED', step: 'a', direction: 'forward', since: iso(play.now) },
    ]);
    expect(textsOf(play, play.now + 60_000)).toEqual([
      'a person has been asked for 1 min (STEP_FAILED): the step failed, and the saga was told to wait: a ended BUSY: it is BUSY; allowed: retry, resolve, skip, undo, giveUp',
    ]);
    play.apply({ type: 'intervene', verb: 'retry', actor: 'ann', reason: 'again' });
    expect(reasonsOf(play)).toMatchObject([{ kind: 'command', attempt: 3, of: 4 }]);
  });

  it('says less where the definition is absent', () => {
    const play = new SagaPlay(payment).start().succeed('reserve').fail('charge', 'BUSY');
    const { text, reasons } = explain(play.saga, undefined, play.now);
    expect(text).toBe('attempt 2 of charge is due in 12 s: charge failed once with BUSY');
    expect(reasons).toMatchObject([{ worker: null, of: null }]);
  });

  it('waits for signals, approvals and sleeps with their time', () => {
    const waits = new WorkflowBuilder('waits')
      .addParallelSteps([
        { name: 'manager', signal: 'manager', approval: true, timeout: 7_200_000 },
        { name: 'paid', signal: 'payment', timeout: 60_000, onTimeout: 'continue' },
        { name: 'cool-off', sleep: 300_000 },
      ])
      .build() as Workflow;
    const play = new SagaPlay(waits).start();
    expect(textsOf(play)).toEqual([
      `manager waits for approval 'manager' until ${iso(play.now + 7_200_000)} (in 2 h), then fails`,
      `paid waits for signal 'payment' until ${iso(play.now + 60_000)} (in 1 min), then goes on`,
      `cool-off sleeps until ${iso(play.now + 300_000)} (in 5 min)`,
    ]);
    expect(reasonsOf(play)).toMatchObject([
      { kind: 'signal', signal: 'manager', approval: true },
      { kind: 'signal', signal: 'payment', approval: false },
      { kind: 'sleep', step: 'cool-off', until: iso(play.now + 300_000) },
    ]);
  });

  it('tells three reasons in one sentence, and counts the others', () => {
    const wide = new WorkflowBuilder('wide')
      .addParallelSteps(['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, sleep: 1_000 })))
      .build() as Workflow;
    const play = new SagaPlay(wide).start();
    expect(explain(play.saga, wide, play.now).text).toMatch(
      /^a sleeps .*; b sleeps .*; c sleeps .*; 2 more reasons$/,
    );
  });

  it('waits for a start that was put off', () => {
    const play = new SagaPlay(payment);
    play.start({}, play.now + 10_800_000);
    expect(reasonsOf(play)).toEqual([
      {
        kind: 'startsAt',
        dueAt: iso(play.now + 10_800_000),
        text: `it is to start at ${iso(play.now + 10_800_000)} (in 3 h)`,
      },
    ]);
  });

  it('waits for code of the definition to be called again, until a person must mend it', () => {
    const broken = new WorkflowBuilder('broken')
      .addConditionalStep('a', 'q.a', () => {
        throw new Error('no such field');
      })
      .build() as Workflow;
    const play = new SagaPlay(broken).start();
    expect(textsOf(play)).toEqual([
      "the definition's code for a failed once, and its next call is due in 500 ms",
    ]);
    play.wait();
    expect(textsOf(play)).toEqual([
      "the definition's code for a failed twice, and its next call is due in 1 s",
    ]);
    play.wait().wait();
    expect(textsOf(play)).toEqual([
      "a person has been asked for 0 ms (DEFINITION_ERROR): the definition's code for a failed: no such field; allowed: retry, giveUp",
    ]);
  });

  it('tells of a deadline, and what comes of it', () => {
    const timed = new WorkflowBuilder('timed')
      .addStep('pay', 'q.pay', { pivot: true, barrier: 'transaction' })
      .addStep('send', 'q.send', { retriable: true })
      .withSagaTimeout(3_600_000)
      .build() as Workflow;
    const play = new SagaPlay(timed).start();
    const time = `it has time until ${iso(play.now + 3_600_000)} (in 1 h)`;
    expect(textsOf(play)[1]).toBe(`${time}; after that it is undone`);
    play.succeed('pay');
    expect(textsOf(play)[1]).toBe(`${time}; after that it is overdue, but goes on`);
  });
});

describe('why a saga is held up', () => {
  it('is that it was paused, and its timers stand still', () => {
    const play = new SagaPlay(payment).start().succeed('reserve').fail('charge', 'BUSY').apply(pause);
    expect(textsOf(play, play.now + 20_000)).toEqual([
      'it is paused: answers are taken, and nothing is sent until it is resumed',
      'attempt 2 of 4 of charge is due when it is resumed: payments.charge failed once with BUSY',
    ]);
  });

  it('is that it was quarantined, with what a person may do', () => {
    const play = new SagaPlay(payment).start().apply(quarantine);
    expect(textsOf(play)[0]).toBe(
      'it has been held for a person for 0 ms (POISON): the store refused it; allowed: release, terminate',
    );
    expect(reasonsOf(play)[0]).toMatchObject({
      kind: 'attention',
      step: null,
      verbs: ['release', 'terminate'],
    });
  });

  it('is the answer of the pivot, when it is to be undone meanwhile', () => {
    const lasting = new WorkflowBuilder('lasting')
      .addStep('reserve', 'q.reserve', 'q.release')
      .addStep('pay', 'q.pay', { pivot: true, barrier: 'transaction' })
      .build() as Workflow;
    const play = new SagaPlay(lasting)
      .start()
      .succeed('reserve')
      .apply({ type: 'cancel', reason: 'changed my mind' });
    expect(textsOf(play)[0]).toBe(
      'it is to be undone, as changed my mind (CANCELLED), but the answer of pay decides',
    );
    expect(reasonsOf(play)).toMatchObject([
      { kind: 'pivotDecides', pivot: 'pay' },
      { kind: 'command', step: 'pay' },
    ]);
  });

  it('is nothing: that is a defect, and said so', () => {
    const { saga } = new SagaPlay(payment).start();
    const hanging = { ...saga, steps: {}, deadline: 2_000_000 };
    expect(explain(hanging, payment, 1_000_000).reasons.map(({ kind }) => kind)).toEqual([
      'deadline',
      'hangs',
    ]);
  });
});

describe('why a saga is undone', () => {
  it('is its first cause, with what is left to undo', () => {
    const play = new SagaPlay(payment).start().succeed('reserve').reject('charge', 'NO_FUNDS');
    expect(textsOf(play)).toEqual([
      'it is being undone, to end compensated, because charge ended with NO_FUNDS: it is NO_FUNDS; left to undo: reserve',
      'attempt 1 of 11 of the undo of reserve was sent 0 ms ago: stock.release has 30 s left',
    ]);
    play.fail('reserve', 'BUSY', { direction: 'undo' });
    expect(textsOf(play)[1]).toMatch(
      /^attempt 2 of 11 of the undo of reserve is due in .*: stock.release failed once with BUSY$/,
    );
  });

  it('waits for what is out before it begins', () => {
    const play = new SagaPlay(payment).start().apply({ type: 'cancel' });
    expect(textsOf(play)).toEqual([
      'it is being undone, to end cancelled, because cancelled on request (CANCELLED); left to undo: reserve',
      'attempt 1 of 4 of reserve was sent 0 ms ago: stock.reserve has 30 s left, and the undo begins after that',
    ]);
  });

  it('is stuck until a person decides', () => {
    const play = new SagaPlay(payment).start().succeed('reserve').reject('charge', 'NO_FUNDS');
    play.fail('reserve', 'GONE', {
      direction: 'undo',
      error: { code: 'GONE', message: 'gone', retryable: false },
    });
    expect(reasonsOf(play)).toMatchObject([
      {
        kind: 'attention',
        code: 'COMPENSATION_FAILED',
        direction: 'undo',
        verbs: ['retry', 'resolve', 'giveUp'],
      },
      { kind: 'undoing' },
    ]);
  });

  it('tells what the saga goes on without', () => {
    const race = new WorkflowBuilder('race')
      .addParallelSteps(
        [
          { name: 'fast', worker: 'q.fast', compensation: 'q.undoFast' },
          { name: 'slow', worker: 'q.slow', compensation: 'q.undoSlow' },
        ],
        { join: 'any' },
      )
      .build() as Workflow;
    const play = new SagaPlay(race).start().succeed('fast');
    expect(textsOf(play)).toEqual([
      'attempt 1 of 4 of slow was sent 0 ms ago: q.slow has 30 s left, and the saga goes on without it but does not end before',
    ]);
    play.succeed('slow');
    expect(reasonsOf(play)).toMatchObject([{ kind: 'command', direction: 'undo', lost: true }]);
  });
});

describe('why a saga ended as it did', () => {
  const endOf = (play: SagaPlay): string => explain(play.saga, play.workflow, play.now).text;

  it('is said in one sentence', () => {
    const play = new SagaPlay(payment).start().succeed('reserve');
    expect(endOf(new SagaPlay(payment).start().succeed('reserve').succeed('charge'))).toBe(
      'it ended completed',
    );
    play.reject('charge', 'NO_FUNDS').undone('reserve');
    expect(endOf(play)).toBe('it ended compensated because charge ended with NO_FUNDS: it is NO_FUNDS');
    expect(reasonsOf(play)).toMatchObject([{ kind: 'ended', cause: { code: 'NO_FUNDS' }, standing: [] }]);
    const cancelled = new SagaPlay(payment)
      .start()
      .apply({ type: 'cancel', reason: 'no more' })
      .reject('reserve');
    expect(endOf(cancelled)).toBe('it ended cancelled because no more (CANCELLED)');
  });

  it('names the effects that a person left standing', () => {
    const ended = new SagaPlay(payment)
      .start()
      .succeed('reserve')
      .apply({ type: 'terminate', reason: 'enough' });
    expect(endOf(ended)).toBe(
      'it ended failed because a person ended it without undo; the effects of reserve and charge may stand',
    );
    const gaveUp = new SagaPlay(payment).start().succeed('reserve').reject('charge', 'NO_FUNDS');
    gaveUp.fail('reserve', 'GONE', {
      direction: 'undo',
      error: { code: 'GONE', message: 'gone', retryable: false },
    });
    gaveUp.apply({ type: 'intervene', verb: 'giveUp', actor: 'ann', reason: 'lost' });
    expect(endOf(gaveUp)).toBe(
      'it ended failed because a person gave up an undo; at first, charge ended with NO_FUNDS: it is NO_FUNDS; the effects of reserve may stand',
    );
  });

  it('asks a person about an effect that came after the end', () => {
    const play = new SagaPlay(payment).start().apply({ type: 'terminate', reason: 'enough' });
    play.succeed('reserve');
    expect(reasonsOf(play)).toMatchObject([
      { kind: 'ended' },
      { kind: 'attention', code: 'LATE_EFFECT', verbs: ['resolve', 'giveUp'] },
    ]);
  });
});
