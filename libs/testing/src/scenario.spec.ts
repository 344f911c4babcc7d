import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { WorkflowBuilder } from '@counterstep/core';
import { given } from './scenario.js';
import { simulateAll } from './simulate/simulate-all.js';

const order = new WorkflowBuilder('order', { input: z.object({ orderId: z.string() }) })
  .withRetryConfig({ maxRetries: 1, initialDelay: 1_000, jitter: 'none' })
  .addStep('reserve', 'inventory.reserve', {
    compensation: 'inventory.release',
    output: z.object({ reservationId: z.string() }),
  })
  .addStep('charge', 'payments.charge', {
    compensation: 'payments.refund',
    input: (context) => ({ reservation: context.get('reserve').reservationId }),
  })
  .addStep('ship', 'shipping.ship', 'shipping.cancel')
  .build();

/** The message of what `act` throws. */
function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('a scenario', () => {
  test('reads as the sentence that it tests', () => {
    given(order)
      .started({ orderId: 'o-1' })
      .expectsCommand('payments.charge')
      .repliesRejected('NO_FUNDS')
      .expectsCompensated(['release'])
      .expectsCause('NO_FUNDS');
  });

  test('gives steps that are not spoken of a sample of their output, or what the options say', () => {
    given(order)
      .started({ orderId: 'o-1' })
      .expectsCommand('charge', { reservation: 'reservationId' })
      .expectsResult('reserve', { reservationId: 'reservationId' });
    given(order, { outputs: { reserve: { reservationId: 'r-7' } } })
      .started({ orderId: 'o-1' })
      .expectsCommand('charge', { reservation: 'r-7' })
      .expectsCompleted();
  });

  test('names the commands that are out, step by step', () => {
    given(order)
      .started({ orderId: 'o-1' })
      .expectsOnly('inventory.reserve')
      .expectsCommand('inventory.reserve', { orderId: 'o-1' })
      .repliesSucceeded({ reservationId: 'r-1' })
      .expectsOnly('charge')
      .expectsCommand('charge', { reservation: 'r-1' })
      .repliesSucceeded()
      .expectsCommand('ship')
      .repliesSucceeded()
      .expectsState('completed');
  });

  test('tells what happened instead when something else was expected', () => {
    const message = complaint(() =>
      given(order).started({ orderId: 'o-1' }).expectsCommand('ship').repliesSucceeded().expectsCompensated(),
    );
    expect(message).toBe(
      [
        'expected the saga to be compensated; it is completed',
        '',
        'What happened to order:',
        '    0 ms  the saga starts',
        '    0 ms  inventory.reserve is sent for reserve',
        '    0 ms  reserve succeeded',
        '    0 ms  payments.charge is sent for charge',
        '    0 ms  charge succeeded',
        '    0 ms  shipping.ship is sent for ship',
        '    0 ms  ship succeeded',
        '    0 ms  the saga ends completed',
      ].join('\n'),
    );
  });

  test('says in which fields data differs', () => {
    const scenario = given(order).started({ orderId: 'o-1' });
    expect(complaint(() => scenario.expectsCommand('reserve', { orderId: 'o-2', more: 1 }))).toMatch(
      [
        'expected other data for reserve:',
        '  data.orderId: expected "o-2", got "o-1"',
        '  data.more: expected 1, got undefined',
      ].join('\n'),
    );
  });

  test('refuses input that the workflow refuses, and an answer to nothing', () => {
    expect(complaint(() => given(order).started({} as never))).toContain('orderId');
    expect(complaint(() => given(order).started({ orderId: 'o' }).repliesSucceeded())).toContain(
      'name a command first',
    );
  });

  test('tells a command that never came from one that is out', () => {
    const message = complaint(() => given(order).started({ orderId: 'o' }).expectsCommand('mail.send'));
    expect(message).toContain('expected a command to mail.send, and none was sent');
    expect(complaint(() => given(order).started({ orderId: 'o' }).expectsOnly('ship'))).toMatch(
      /expected a command to ship, and none is out[^]*Out now: inventory\.reserve for reserve\./,
    );
    expect(complaint(() => given(order).started({ orderId: 'o' }).expectsOnly())).toContain(
      'expected no command to inventory.reserve',
    );
  });
});

describe('answers and time', () => {
  const charging = () => given(order).started({ orderId: 'o-1' }).expectsCommand('payments.charge');

  test('a failure is tried again after its delay, and undone when the retries are spent', () => {
    charging()
      .repliesFailed('BUSY')
      .expectsRetry(1_000)
      .expectsCommand('payments.charge')
      .repliesFailed('BUSY')
      .expectsCompensated(['charge', 'reserve']);
  });

  test('a delay that is not the expected one is told', () => {
    expect(complaint(() => charging().repliesFailed('BUSY').expectsRetry(2_000))).toContain(
      'expected charge to be tried again in 2 s, not 1 s',
    );
    expect(complaint(() => charging().repliesRejected('NO').expectsRetry())).toContain(
      'expected charge to be tried again',
    );
  });

  test('a failure that trying again cannot mend is undone at once', () => {
    charging().repliesFailed('BROKEN', { retryable: false }).expectsUndo('charge', { outcome: 'failed' });
  });

  test('no answer in time is unknown, and is undone; a late success is undone again if the undo found nothing', () => {
    charging()
      .timesOut()
      .expectsRetry()
      .timesOut()
      .expectsUndo('payments.refund', { outcome: 'unknown' })
      .repliesSucceeded(undefined, { noop: true })
      .repliesLate({ chargeId: 'c-1' })
      .expectsCompensated(['charge', 'reserve', 'charge']);
  });

  test('a command that nobody picks up has a code of its own', () => {
    charging().isNotPickedUp().expectsRetry().isNotPickedUp().expectsCause('NOT_PICKED_UP');
  });

  test('time that passes without an answer is a timeout', () => {
    charging().afterDelay(29_999).expectsOnly('charge').afterDelay(1).expectsRetry(1_000);
  });

  test('what a worker says by heartbeat reaches the undo', () => {
    charging()
      .heartbeats({ ref: 9 })
      .timesOut()
      .expectsRetry()
      .timesOut()
      .expectsUndo('charge', { undoData: { ref: 9 } });
  });

  test('a reply to what is settled is ignored, and must be expected so', () => {
    const settled = charging().repliesRejected('NO');
    settled.expectsIgnored((scenario) => scenario.repliesRejected('NO'));
    expect(complaint(() => settled.repliesRejected('NO'))).toContain('reply was ignored: ');
    expect(
      complaint(() =>
        settled.expectsIgnored((scenario) => scenario.expectsUndo('reserve').repliesSucceeded()),
      ),
    ).toContain('it was applied');
  });
});

describe('undo', () => {
  test('is compared with the order that it had', () => {
    const undone = () =>
      given(order).started({ orderId: 'o' }).expectsCommand('ship').repliesFailed('X', { retryable: false });
    undone().expectsCompensated(['ship', 'payments.refund', 'release']);
    expect(complaint(() => undone().expectsCompensated(['ship', 'reserve', 'charge']))).toContain(
      'expected to be undone: ship, then reserve, then charge\nwas undone:            ship, then charge, then reserve',
    );
    expect(complaint(() => undone().expectsCompensated([]))).toContain('expected to be undone: nothing');
  });

  test('of a group goes at the same time', () => {
    const both = new WorkflowBuilder('both')
      .addParallelSteps([
        { name: 'a', worker: 'x.a', compensation: 'x.undo_a' },
        { name: 'b', worker: 'y.b', compensation: 'y.undo_b' },
      ])
      .addStep('c', 'z.c', 'z.undo_c')
      .build();
    const failed = () => given(both).started({}).expectsCommand('c').repliesRejected('NO');
    failed().expectsCompensated([['b', 'a']]);
    expect(complaint(() => failed().expectsCompensated(['b', 'a']))).toContain(
      'was undone:            a and b',
    );
    given(both)
      .started({})
      .expectsOnly('a', 'b')
      .expectsCommand('b')
      .repliesRejected('NO')
      .expectsOnly('a')
      .expectsCommand('a')
      .repliesSucceeded()
      .expectsCompensated(['a']);
  });

  test('that is stuck asks a person, who may do what is allowed', () => {
    const stuck = () =>
      given(order)
        .started({ orderId: 'o' })
        .expectsCommand('charge')
        .repliesRejected('NO')
        .expectsUndo('release')
        .repliesRejected('GONE')
        .expectsAttention('COMPENSATION_FAILED', 'reserve')
        .expectsVerbs('reserve', ['retry', 'resolve', 'giveUp']);
    stuck().intervened('retry', { step: 'reserve' }).expectsCompensated();
    stuck().intervened('giveUp', { step: 'reserve' }).expectsFailed().expectsStanding(['reserve']);
    stuck().expectsRefusal('NOT_ALLOWED', (scenario) => scenario.intervened('skip'));
    expect(complaint(() => stuck().intervened('skip'))).toContain('intervene was refused: NOT_ALLOWED');
    expect(complaint(() => stuck().expectsVerbs('reserve', ['retry']))).toContain(
      'it allows retry, resolve, giveUp',
    );
    expect(complaint(() => stuck().expectsCompensated())).toContain('it is running');
  });
});

describe('people and other services', () => {
  const trip = new WorkflowBuilder('trip', {
    input: z.object({ seats: z.array(z.string()), vip: z.boolean() }),
  })
    .addMap('seats', {
      over: (context) => context.get('seats'),
      worker: 'seats.hold',
      compensation: 'seats.free',
      concurrency: 2,
    })
    .addConditionalStep('lounge', 'lounge.book', (context) => context.get('vip'), 'lounge.cancel')
    .waitForApproval('approval', { signal: 'approved', timeout: 60_000 })
    .sleep('cool-off', 3_600_000)
    .addStep('pay', 'payments.charge', { pivot: true })
    .addStep('mail', 'mail.send', { retriable: true })
    .build();
  const start = { seats: ['1A', '1B', '1C'], vip: false };

  test('an approval is waited for, and given', () => {
    given(trip)
      .started(start)
      .expectsOnly('seats/0', 'seats/1')
      .expectsWaitFor('approved')
      .expectsSkipped('lounge')
      .signalled('approved', { approved: true })
      .expectsCommand('pay')
      .expectsCompleted();
  });

  test('nobody signals unless the scenario says so', () => {
    const message = complaint(() => given(trip).started(start).expectsCompleted());
    expect(message).toContain('it is running');
    expect(message).toContain('approval waits for signal approved');
    given(trip)
      .started(start)
      .expectsWaitFor('approved')
      .afterDelay(60_000)
      .expectsCompensated([['seats/0', 'seats/1'], 'seats/2'])
      .expectsCause('SIGNAL_TIMEOUT');
  });

  test('a worker of several commands must be told by the step', () => {
    const scenario = given(trip).started(start);
    expect(complaint(() => scenario.expectsCommand('seats.hold'))).toContain(
      'could be seats/0 or seats/1: name the step',
    );
    scenario.expectsCommand('seats/1').repliesRejected('TAKEN').expectsCompensated(['seats/0']);
  });

  test('cancel, pause, terminate, and what is too late for them', () => {
    given(trip).started(start).expectsWaitFor('approved').cancelled('changed my mind').expectsCancelled();
    given(trip)
      .started(start)
      .expectsCommand('seats/0')
      .paused()
      .repliesSucceeded()
      .expectsOnly('seats/1')
      .resumed()
      .expectsOnly('seats/1', 'seats/2')
      .terminated('it was a test')
      .expectsFailed()
      .expectsStanding(['seats/0', 'seats/1', 'seats/2']);
    given(trip)
      .started(start)
      .signalled('approved', { approved: true })
      .expectsCommand('pay')
      .repliesSucceeded()
      .expectsRefusal('PAST_PIVOT', (scenario) => scenario.cancelled());
  });

  test('a start that was put off comes in its time', () => {
    given(trip)
      .started(start, { after: 5_000 })
      .expectsState('pending')
      .expectsOnly()
      .expectsCommand('seats/0');
  });

  test('a builder without its build() is told from a workflow', () => {
    const builder = new WorkflowBuilder('order').addStep('reserve', 'inventory.reserve');
    expect(complaint(() => given(builder as never))).toContain('pass what build() returned');
    expect(complaint(() => simulateAll(builder as never))).toContain('pass what build() returned');
    expect(complaint(() => given(undefined as never))).toContain('no workflow');
  });
});
