import { describe, expect, it } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, statusOf } from './index.js';

const order = new WorkflowBuilder('order')
  .addStep('reserve', 'stock.reserve', 'stock.release')
  .addStep('charge', 'payments.charge', 'payments.refund')
  .addStep('ship', 'shipping.ship', 'shipping.cancel')
  .build();

const trip = new WorkflowBuilder('trip')
  .addStep('quote', 'quotes.make', 'quotes.drop')
  .addParallelSteps([
    { name: 'flight', worker: 'air.book', compensation: 'air.cancel' },
    { name: 'hotel', worker: 'rooms.book', compensation: 'rooms.cancel' },
    { name: 'car', worker: 'cars.book', compensation: 'cars.cancel' },
  ])
  .addStep('invoice', 'bills.send', 'bills.void')
  .build();

describe('steps one after another', () => {
  it('sends each step when the one before succeeded, and completes after the last', () => {
    const play = new SagaPlay(order).start({ orderId: 'A' });
    expect(play.commands).toEqual(['stock.reserve']);
    expect(play.saga.state).toBe('running');
    play.succeed('reserve', { place: 7 }).succeed('charge');
    expect(play.commands).toEqual(['stock.reserve', 'payments.charge', 'shipping.ship']);
    expect(play.succeed('ship').saga).toMatchObject({ state: 'completed', aim: 'completed' });
  });

  it('gives a step without a mapper the whole context, results over input fields', () => {
    const play = new SagaPlay(order).start({ orderId: 'A', reserve: 'shadowed' }).succeed('reserve', 7);
    expect(play.sent.map(({ data }) => data)).toEqual([
      { orderId: 'A', reserve: 'shadowed' },
      { orderId: 'A', reserve: 7 },
    ]);
  });

  it('gives every attempt of a step the input of the first', () => {
    let calls = 0;
    const workflow = new WorkflowBuilder('w')
      .addStep('a', 'q.a', { input: () => ({ call: (calls += 1) }), compensation: 'q.undoA' })
      .build();
    const play = new SagaPlay(workflow).start().fail('a').wait().breakDown('a');
    expect(play.sent.map(({ data }) => data)).toMatchObject([
      { call: 1 },
      { call: 1 },
      { input: { call: 1 } },
    ]);
    expect(calls).toBe(1);
  });

  it('tells a public change of state only when there is one', () => {
    const play = new SagaPlay(order);
    const changes = [
      play.decide({ type: 'start', sagaId: '01900000-0000-7000-8000-000000000001', input: {} }),
      play.decide(play.replyOf('reserve', 'succeeded')),
      play.decide(play.replyOf('charge', 'rejected')),
    ].map((decision) => decision.kind === 'applied' && decision.effects.stateChanged);
    expect(changes).toEqual([true, false, true]);
  });
});

describe('a parallel group', () => {
  it('starts all members at once and goes on when all have succeeded', () => {
    const play = new SagaPlay(trip).start().succeed('quote');
    expect(play.commands.slice(1)).toEqual(['air.book', 'rooms.book', 'cars.book']);
    play.succeed('car').succeed('flight');
    expect(statusOf(play.saga, trip)).toMatchObject({ currentStep: 'hotel', currentSteps: ['hotel'] });
    expect(play.commands).toHaveLength(4);
    expect(play.succeed('hotel').commands.at(-1)).toBe('bills.send');
  });

  it('gives all members one context', () => {
    const play = new SagaPlay(trip).start({ to: 'Rome' }).succeed('quote', 5);
    expect(play.sent.slice(1).map(({ data }) => data)).toEqual(Array(3).fill({ to: 'Rome', quote: 5 }));
  });

  it('gives a member with a mapper its own input, and the others the context', () => {
    const workflow = new WorkflowBuilder('w')
      .addParallelSteps([
        { name: 'a', worker: 'q.a' },
        { name: 'b', worker: 'q.b', input: (context) => [context.get('n')] },
      ])
      .build();
    expect(new SagaPlay(workflow).start({ n: 1 }).sent.map(({ data }) => data)).toEqual([{ n: 1 }, [1]]);
  });

  it('waits for the members in flight when one was rejected, and only then undoes', () => {
    const play = new SagaPlay(trip).start().succeed('quote').reject('hotel');
    expect(play.saga).toMatchObject({ direction: 'undo', aim: 'compensated' });
    expect(play.commands).toHaveLength(4);
    play.succeed('flight');
    expect(play.commands).toHaveLength(4);
    play.timeOut('car');
    expect(play.commands.slice(4)).toEqual(['air.cancel', 'cars.cancel']);
    play.undone('car');
    expect(play.commands.slice(6)).toEqual([]);
    play.undone('flight');
    expect(play.commands.slice(6)).toEqual(['quotes.drop']);
    expect(play.undone('quote').saga.state).toBe('compensated');
  });

  it('makes no retry after the turn, neither of a planned one nor of a failure that comes later', () => {
    const play = new SagaPlay(trip).start().succeed('quote').fail('flight').reject('hotel');
    expect(play.saga.steps['flight']?.forward).toMatchObject({ status: 'ended', outcome: 'failed' });
    play.fail('car');
    expect(play.history.at(-1)?.facts.map(({ type }) => type)).not.toContain('retryPlanned');
    expect(play.commands.slice(4)).toEqual(['air.cancel', 'cars.cancel']);
    expect(play.saga.cause).toMatchObject({ code: 'DECLINED', step: 'hotel', attempt: 1 });
  });

  it('is undone at the same time, before what came before it', () => {
    const play = new SagaPlay(trip)
      .start()
      .succeed('quote')
      .succeed('flight')
      .succeed('hotel')
      .succeed('car');
    play.breakDown('invoice');
    expect(play.commands.slice(5)).toEqual(['bills.void']);
    play.undone('invoice');
    expect(play.commands.slice(6)).toEqual(['air.cancel', 'rooms.cancel', 'cars.cancel']);
  });
});

describe('undo', () => {
  it.each(['failed', 'unknown'] as const)('begins with the own compensation of a step that %s', (last) => {
    const play = new SagaPlay(order).start().succeed('reserve').succeed('charge');
    if (last === 'failed') play.breakDown('ship');
    else play.timeOut('ship').wait().timeOut('ship').wait().timeOut('ship').wait().timeOut('ship');
    play.undone('ship').undone('charge').undone('reserve');
    const undos = play.sent.filter(({ direction }) => direction === 'undo');
    expect(undos.map(({ worker }) => worker)).toEqual([
      'shipping.cancel',
      'payments.refund',
      'stock.release',
    ]);
    expect(undos[0]?.data).toMatchObject({ outcome: last });
    expect(play.saga.state).toBe('compensated');
  });

  it('passes over a step that was rejected', () => {
    const play = new SagaPlay(order).start().succeed('reserve').reject('charge');
    expect(play.commands.slice(2)).toEqual(['stock.release']);
  });

  it('tells the handler what was known at forward time', () => {
    const workflow = new WorkflowBuilder('w')
      .addStep('a', 'q.a', { compensation: 'q.undoA', input: (context) => ({ n: context.get('n') }) })
      .addStep('b', 'q.b', 'q.undoB')
      .build();
    const play = new SagaPlay(workflow).start({ n: 1 }).succeed('a', { id: 5 }, { undoData: { ref: 9 } });
    play.reject('b', 'NO_STOCK');
    expect(play.sent.at(-1)?.data).toEqual({
      input: { n: 1 },
      output: { id: 5 },
      undoData: { ref: 9 },
      outcome: 'succeeded',
      cause: { code: 'NO_STOCK', message: 'it is NO_STOCK' },
    });
  });

  it('is told the input of the context as it was, not with results that came later', () => {
    const play = new SagaPlay(order)
      .start({ n: 1 })
      .succeed('reserve', 'r')
      .succeed('charge', 'c')
      .reject('ship');
    expect(play.sent.at(-1)?.data).toMatchObject({ input: { n: 1, reserve: 'r' }, output: 'c' });
  });

  it('ends compensated when there is nothing to undo, and the cause stays', () => {
    const play = new SagaPlay(order).start().reject('reserve', 'NO_STOCK');
    expect(play.saga).toMatchObject({
      state: 'compensated',
      cause: { code: 'NO_STOCK', message: 'it is NO_STOCK', step: 'reserve', attempt: 1 },
    });
    expect(statusOf(play.saga, order)).toMatchObject({ error: 'it is NO_STOCK', currentStep: null });
  });

  it('keeps the first cause through a clean undo', () => {
    const play = new SagaPlay(order)
      .start()
      .succeed('reserve')
      .fail('charge')
      .wait()
      .breakDown('charge', 'LATER');
    play.fail('charge', 'UNDO_BUSY', { direction: 'undo' }).wait().undone('charge').undone('reserve');
    expect(play.saga).toMatchObject({
      state: 'compensated',
      cause: { code: 'LATER', step: 'charge', attempt: 2 },
    });
  });

  it('ends compensated around a step that has no undo, and lists it', () => {
    const workflow = new WorkflowBuilder('w').addStep('mail', 'q.mail').addStep('b', 'q.b').build();
    const play = new SagaPlay(workflow).start().succeed('mail').reject('b');
    expect(statusOf(play.saga, workflow)).toMatchObject({ state: 'compensated', notUndone: ['mail'] });
  });

  it('retries ten times, then asks for a person, and what depends on it waits', () => {
    const play = new SagaPlay(order).start().succeed('reserve').succeed('charge').reject('ship');
    for (let attempt = 1; attempt <= 10; attempt += 1)
      play.fail('charge', 'DOWN', { direction: 'undo' }).wait();
    expect(play.saga.attention).toEqual([]);
    play.fail('charge', 'DOWN', { direction: 'undo' });
    expect(play.commands.slice(3)).toHaveLength(11);
    expect(play.commands).not.toContain('stock.release');
    expect(play.saga).toMatchObject({
      state: 'running',
      attention: [
        {
          code: 'COMPENSATION_FAILED',
          step: 'charge',
          message: 'payments.refund ended failed after 11 attempts: it is DOWN',
        },
      ],
    });
    expect(statusOf(play.saga, order).phase).toBe('attention');
  });

  it('starts its own count of attempts, whatever the action used up', () => {
    const play = new SagaPlay(order).start();
    for (let attempt = 1; attempt <= 3; attempt += 1) play.fail('reserve').wait();
    play.fail('reserve');
    expect(play.sent.at(-1)).toMatchObject({ direction: 'undo', attempt: 1, worker: 'stock.release' });
  });

  it('asks for a person at once when the compensation rejects or cannot be retried', () => {
    for (const outcome of ['rejected', 'failed'] as const) {
      const play = new SagaPlay(order).start().succeed('reserve').reject('charge');
      const error = { code: 'NEVER', message: 'never', retryable: false };
      play.apply(play.replyOf('reserve', outcome, { direction: 'undo', error }));
      expect(play.saga.attention).toMatchObject([{ code: 'COMPENSATION_FAILED' }]);
    }
  });
});
