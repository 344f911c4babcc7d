import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder } from './index.js';

const workflow = new WorkflowBuilder('w')
  .addStep('reserve', 'q.reserve', 'q.release')
  .addStep('charge', 'q.charge', { pivot: true, barrier: 'transaction', retry: { maxRetries: 1 } })
  .addStep('ship', 'q.ship', { retriable: true, retry: { maxRetries: 0 } })
  .build();
const out = (): SagaPlay => new SagaPlay(workflow).start().succeed('reserve');
const uncertain = (): SagaPlay => out().fail('charge').wait().timeOut('charge');
const by = { actor: 'ann', reason: 'looked it up' } as const;

describe('a pivot', () => {
  it('turns the saga when it was rejected', () => {
    const play = out().reject('charge').undone('reserve');
    expect(play.saga).toMatchObject({ state: 'compensated', cause: { step: 'charge' } });
  });

  it('turns neither way when nobody knows: a person is asked until an answer is definite', () => {
    const play = uncertain();
    expect(play.saga).toMatchObject({
      direction: 'forward',
      attention: [{ code: 'PIVOT_UNCERTAIN', step: 'charge', direction: 'forward' }],
    });
    expect(play.succeed('charge').commands.at(-1)).toBe('q.ship');
    expect(play.saga.attention).toEqual([]);
    // Without a barrier that stores it, this rejection would prove nothing.
    expect(uncertain().reject('charge').undone('reserve').saga.state).toBe('compensated');
  });

  it('lets a person tell how it ended', () => {
    const event = { type: 'intervene', verb: 'resolve', step: 'charge', evidence: 'bank', ...by } as const;
    expect(uncertain().apply(event).commands.at(-1)).toBe('q.ship');
    const play = uncertain()
      .apply({ ...event, outcome: 'rejected' })
      .undone('reserve');
    expect(play.saga).toMatchObject({
      state: 'compensated',
      cause: { step: 'charge', code: 'NOTHING_HAPPENED', message: expect.stringContaining(by.reason) },
    });
  });

  it('cannot be turned by a person while nobody knows', () => {
    const decision = uncertain().decide({ type: 'intervene', verb: 'undo', step: 'charge', ...by });
    expect(decision).toMatchObject({
      kind: 'refused',
      code: 'NOT_ALLOWED',
      allowed: expect.not.arrayContaining(['undo']),
    });
  });

  it('decides about a cancel that comes while it is out', () => {
    const asked = out().apply({ type: 'cancel', reason: 'no more' });
    expect(asked.saga.direction).toBe('forward');
    expect(asked.ignored({ type: 'cancel' })).toContain('already');
    const turned = asked.reject('charge').undone('reserve');
    expect(turned.saga).toMatchObject({
      state: 'cancelled',
      cause: { code: 'CANCELLED', message: 'no more' },
    });
    const went = out().apply({ type: 'cancel' }).succeed('charge');
    expect(went.factsOf('cancelDropped')).toHaveLength(1);
    expect(went.succeed('ship').saga.state).toBe('completed');
  });

  it('was asked to cancel: to ask again changes nothing, not even when its answer came during a pause', () => {
    const play = out().apply({ type: 'cancel' }).apply({ type: 'pause' }).reject('charge');
    expect(play.ignored({ type: 'cancel' })).toContain('already');
    expect(play.apply({ type: 'resume' }).undone('reserve').saga.state).toBe('cancelled');
  });

  it('cancels at once before it was sent', () => {
    const play = new SagaPlay(workflow).start().apply({ type: 'cancel' });
    expect(play.reject('reserve').saga.state).toBe('cancelled');
  });
});

describe('past the pivot', () => {
  const past = (): SagaPlay => out().succeed('charge');

  it('cancel is refused', () => {
    expect(past().decide({ type: 'cancel' })).toMatchObject({ kind: 'refused', code: 'PAST_PIVOT' });
  });

  it.each(['reject', 'breakDown'] as const)('a person is asked when a step ends otherwise (%s)', (how) => {
    const play = past()[how]('ship');
    expect(play.saga).toMatchObject({
      state: 'running',
      direction: 'forward',
      attention: [{ code: 'RETRIABLE_FAILED', step: 'ship' }],
    });
  });

  it('a retry after a rejection is a new run and may have another input, else the same run and input', () => {
    const input = { to: 'the other address' };
    const rejected = past()
      .reject('ship')
      .apply({ type: 'intervene', verb: 'retry', input, ...by });
    expect(rejected.sent.at(-1)).toMatchObject({ step: 'ship', run: 2, attempt: 1, data: input });
    const failed = past().breakDown('ship');
    expect(failed.decide({ type: 'intervene', verb: 'retry', input, ...by })).toMatchObject({
      code: 'INPUT_FIXED',
    });
    failed.apply({ type: 'intervene', verb: 'retry', ...by });
    expect(failed.sent.at(-1)).toMatchObject({ step: 'ship', run: 1, attempt: 2 });
    expect(failed.succeed('ship').saga.state).toBe('completed');
  });

  it('giving up ends the saga as failed and lists what stands', () => {
    const play = past()
      .breakDown('ship')
      .apply({ type: 'intervene', verb: 'giveUp', ...by });
    expect(play.saga.state).toBe('failed');
    expect(play.factsOf('terminated')).toMatchObject([
      { standing: ['reserve', 'charge', 'ship'], actor: 'ann' },
    ]);
  });

  it('a deadline that passes is only noted', () => {
    const timed = new WorkflowBuilder('w')
      .addStep('charge', 'q.charge', { pivot: true })
      .addStep('ship', 'q.ship', { retriable: true })
      .withSagaTimeout(1_000)
      .build();
    const play = new SagaPlay(timed).start().succeed('charge').wait();
    expect(play.factsOf('overdue')).toHaveLength(1);
    expect(play.succeed('ship').saga.state).toBe('completed');
  });
});

describe('a saga that is told to hold', () => {
  const held = (): SagaPlay =>
    new SagaPlay(
      new WorkflowBuilder('w')
        .addStep('a', 'q.a', 'q.undo-a')
        .addStep('b', 'q.b', 'q.undo-b')
        .withFailureMode('hold')
        .build(),
    )
      .start()
      .succeed('a')
      .reject('b');

  it('asks a person instead of undoing', () => {
    expect(held().saga).toMatchObject({
      direction: 'forward',
      attention: [{ code: 'STEP_FAILED', step: 'b' }],
    });
  });

  it('asks about a pivot that was rejected too, and is undone or goes on as the person says', () => {
    const pivotal = new WorkflowBuilder('w')
      .addStep('a', 'q.a', 'q.undo-a')
      .addStep('pay', 'q.pay', { pivot: true })
      .addStep('b', 'q.b', { retriable: true })
      .withFailureMode('hold')
      .build();
    const declined = (): SagaPlay => new SagaPlay(pivotal).start().succeed('a').reject('pay');
    expect(declined().saga).toMatchObject({
      direction: 'forward',
      attention: [{ code: 'STEP_FAILED', step: 'pay' }],
    });
    const retried = declined().apply({ type: 'intervene', verb: 'retry', ...by });
    expect(retried.sent.at(-1)).toMatchObject({ step: 'pay', run: 2 });
    // Its answer is out again, so that a cancel waits for it.
    expect(retried.apply({ type: 'cancel' }).saga.direction).toBe('forward');
    expect(retried.reject('pay').undone('a').saga.state).toBe('cancelled');
    const turned = declined().apply({ type: 'intervene', verb: 'undo', ...by });
    expect(turned.undone('a').saga.state).toBe('compensated');
    expect(declined().apply({ type: 'cancel' }).undone('a').saga.state).toBe('cancelled');
  });

  it('goes on at once with the others of a group, as far as it would with the next event', () => {
    const map = (over: string) => ({
      over: (context: { get(key: string): unknown }) => context.get(over),
      worker: 'q.item',
      readOnly: true,
    });
    const both = new WorkflowBuilder('w')
      .addParallelSteps([
        { name: 'none', ...map('number') },
        { name: 'some', ...map('list') },
      ])
      .withFailureMode('hold')
      .build();
    const play = new SagaPlay(both).start({ number: 7, list: [1] });
    expect(play.saga.attention).toMatchObject([{ code: 'STEP_FAILED', step: 'none' }]);
    expect(play.sent.map(({ step }) => step)).toEqual(['some/0']);
  });

  it('is undone when the person says so, with the first cause', () => {
    const play = held()
      .apply({ type: 'intervene', verb: 'undo', ...by })
      .undone('a');
    expect(play.saga).toMatchObject({ state: 'compensated', cause: { step: 'b', code: 'DECLINED' } });
  });

  it('goes on without the step when it is passed over, and never undoes it', () => {
    const play = held().apply({ type: 'intervene', verb: 'skip', output: { by: 'hand' }, ...by });
    expect(play.saga.state).toBe('completed');
  });

  it('goes on as if it had succeeded when that is proved, and undoes it later', () => {
    const longer = new WorkflowBuilder('w')
      .addStep('a', 'q.a', { compensation: 'q.undo-a', retry: { maxRetries: 0 } })
      .addStep('b', 'q.b', 'q.undo-b')
      .withFailureMode('hold')
      .build();
    const play = new SagaPlay(longer).start().fail('a');
    expect(play.decide({ type: 'intervene', verb: 'resolve', ...by })).toMatchObject({
      code: 'EVIDENCE_MISSING',
    });
    play.apply({ type: 'intervene', verb: 'resolve', evidence: 'receipt 7', output: { n: 7 }, ...by });
    expect(play.commands.at(-1)).toBe('q.b');
    play.reject('b').apply({ type: 'intervene', verb: 'undo', ...by });
    expect(play.sent.at(-1)).toMatchObject({
      worker: 'q.undo-a',
      data: { output: { n: 7 }, outcome: 'succeeded' },
    });
  });

  it('does not begin what was refused as a whole while a person is asked about it', () => {
    const child = new WorkflowBuilder('child', { input: z.object({ to: z.string() }) })
      .addStep('a', 'q.a', 'q.undo-a')
      .build();
    const holding = new WorkflowBuilder('w')
      .addParallelSteps(
        [
          { name: 'child', workflow: child, input: () => ({}) },
          { name: 'each', over: () => 5, worker: 'q.each', readOnly: true },
          { name: 'x', worker: 'q.x', readOnly: true },
        ],
        { join: 'all' },
      )
      .withFailureMode('hold')
      .build();
    const play = new SagaPlay(holding).start();
    expect(play.saga.attention.map(({ step }) => step)).toEqual(['child', 'each']);
    expect(play.succeed('x').commands).toEqual(['q.x']);
    play.apply({ type: 'intervene', verb: 'skip', step: 'each', ...by });
    expect(play.apply({ type: 'intervene', verb: 'skip', step: 'child', ...by }).saga.state).toBe(
      'completed',
    );
  });

  it('can be asked for at the start', () => {
    const plain = new WorkflowBuilder('w').addStep('a', 'q.a', 'q.undo-a').build();
    const play = new SagaPlay(plain);
    play.apply({
      type: 'start',
      sagaId: '01900000-0000-7000-8000-000000000001',
      input: {},
      failureMode: 'hold',
    });
    expect(play.reject('a').saga.attention).toMatchObject([{ code: 'STEP_FAILED' }]);
  });

  it('says which verbs the state allows', () => {
    expect(held().decide({ type: 'intervene', verb: 'release', ...by })).toMatchObject({
      code: 'NOTHING_WAITS',
    });
    expect(held().decide({ type: 'intervene', verb: 'retry', step: 'a', ...by })).toMatchObject({
      code: 'NOTHING_WAITS',
      allowed: ['b'],
    });
  });
});
