import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder } from './index.js';

const shipping = new WorkflowBuilder('shipping', { input: z.looseObject({ to: z.string() }) })
  .addStep('book', 'ship.book', 'ship.cancel')
  .addStep('label', 'ship.label', 'ship.void')
  .build();

describe('a sub-workflow', () => {
  const order = new WorkflowBuilder('order')
    .addStep('charge', 'pay.charge', 'pay.refund')
    .addWorkflow('ship', shipping, { input: (context) => ({ to: context.get('address') }) })
    .addStep('mail', 'mail.send', { readOnly: true })
    .build();
  const started = (): SagaPlay =>
    new SagaPlay(order).start({ address: 'Main St' }).succeed('charge', { id: 1 });

  it('runs its steps under its own path, with what it was given', () => {
    const play = started();
    expect(play.sent.at(-1)).toMatchObject({
      step: 'ship/book',
      worker: 'ship.book',
      data: { to: 'Main St' },
    });
    play.succeed('ship/book', { no: 7 });
    expect(play.sent.at(-1)).toMatchObject({ step: 'ship/label', data: { to: 'Main St', book: { no: 7 } } });
  });

  it('gives its steps’ results as its own, and the parent goes on', () => {
    const play = started().succeed('ship/book', { no: 7 }).succeed('ship/label', 'L');
    expect(play.sent.at(-1)?.data).toMatchObject({
      ship: { book: { no: 7 }, label: 'L' },
      charge: { id: 1 },
    });
    expect(play.succeed('mail').saga.state).toBe('completed');
  });

  it('is undone before what came before it, its last step first', () => {
    const play = started().succeed('ship/book').reject('ship/label').undone('ship/book').undone('charge');
    expect(play.commands.slice(-2)).toEqual(['ship.cancel', 'pay.refund']);
    expect(play.saga).toMatchObject({ state: 'compensated', cause: { step: 'ship/label' } });
  });

  it('fails when it is given what its schema refuses', () => {
    const play = new SagaPlay(order).start({ address: 5 }).succeed('charge').undone('charge');
    expect(play.saga).toMatchObject({ state: 'compensated', cause: { step: 'ship', code: 'INPUT_INVALID' } });
  });

  it('is given its input as its schema leaves it', () => {
    const child = new WorkflowBuilder('child', {
      input: z.object({ copies: z.number().default(2), to: z.string().trim() }),
    })
      .addStep('print', 'q.print', { readOnly: true })
      .build();
    const parent = new WorkflowBuilder('parent')
      .addWorkflow('labels', child, { input: () => ({ to: ' Main St ' }) })
      .addWorkflow('more', child)
      .build();
    const play = new SagaPlay(parent).start({ to: 'Side St', copies: 7, other: 1 });
    expect(play.sent.at(-1)?.data).toEqual({ to: 'Main St', copies: 2 });
    play.succeed('labels/print');
    expect(play.sent.at(-1)?.data).toEqual({ to: 'Side St', copies: 7 });
  });

  it('stalls its saga when its schema itself fails', () => {
    const child = new WorkflowBuilder('child', {
      input: z.object({}).refine(() => {
        throw new Error('no rules today');
      }),
    })
      .addStep('print', 'q.print', { readOnly: true })
      .build();
    const play = new SagaPlay(new WorkflowBuilder('parent').addWorkflow('labels', child).build()).start();
    expect(play.saga.stalls).toMatchObject([{ step: 'labels' }]);
  });

  it('loses as a whole in a group: nothing new begins in it, and it is undone from its end', () => {
    const race = new WorkflowBuilder('race')
      .addParallelSteps(
        [
          { name: 'ship', workflow: shipping },
          { name: 'fast', worker: 'q.fast', readOnly: true },
        ],
        {
          join: 'any',
        },
      )
      .build();
    const play = new SagaPlay(race).start({ to: 'x' }).succeed('ship/book').succeed('fast');
    expect(play.saga.state).toBe('running');
    play.succeed('ship/label');
    expect(play.commands.at(-1)).toBe('ship.void');
    expect(play.undone('ship/label').undone('ship/book').saga.state).toBe('completed');
  });
});

describe('a map', () => {
  const lines = (more: object = {}) =>
    new WorkflowBuilder('lines')
      .addMap('pick', {
        over: (context) => context.get('items'),
        worker: 'stock.pick',
        compensation: 'stock.put',
        input: (context) => ({ item: context.get('item'), at: context.get('index') }),
        retry: { maxRetries: 0 },
        barrier: 'transaction',
        ...more,
      })
      .addStep('pack', 'q.pack', { readOnly: true })
      .build();
  const started = (items: unknown, more: object = {}): SagaPlay =>
    new SagaPlay(lines(more)).start({ items: items as never });

  it('runs a step for each item, so many at a time, in their order', () => {
    const play = started(['a', 'b', 'c'], { concurrency: 2 });
    expect(play.sent.map(({ step, data }) => [step, data])).toEqual([
      ['pick/0', { item: 'a', at: 0 }],
      ['pick/1', { item: 'b', at: 1 }],
    ]);
    play.succeed('pick/1', 'B');
    expect(play.sent.at(-1)?.step).toBe('pick/2');
    play.succeed('pick/2', 'C').succeed('pick/0', 'A');
    expect(play.sent.at(-1)).toMatchObject({ step: 'pack', data: { pick: ['A', 'B', 'C'] } });
  });

  it('is over at once when there is nothing to do', () => {
    expect(started([]).sent.at(-1)).toMatchObject({ step: 'pack', data: { pick: [] } });
  });

  it.each([
    ['no list', { a: 1 }, 'MAP_NOT_A_LIST'],
    ['nothing', null, 'MAP_NOT_A_LIST'],
    ['more items than are allowed', [1, 2, 3, 4], 'MAP_TOO_LONG'],
  ])('is rejected when it is given %s', (_, items, code) => {
    const play = started(items, { maxItems: 3 });
    expect(play.saga).toMatchObject({ state: 'compensated', cause: { step: 'pick', code } });
  });

  it('fails with its first failure: the others are waited for, and all are undone at the same time', () => {
    const play = started(['a', 'b', 'c']).succeed('pick/0').reject('pick/1').succeed('pick/2');
    expect(play.commands.slice(-2)).toEqual(['stock.put', 'stock.put']);
    expect(play.undone('pick/2').undone('pick/0').saga).toMatchObject({
      state: 'compensated',
      cause: { step: 'pick/1' },
    });
  });

  it('undoes as many at a time as it runs', () => {
    const play = started([1, 2, 3], { concurrency: 1 }).succeed('pick/0').succeed('pick/1').reject('pick/2');
    expect(play.commands.filter((name) => name === 'stock.put')).toHaveLength(1);
    play.undone('pick/0');
    expect(play.commands.filter((name) => name === 'stock.put')).toHaveLength(2);
  });

  it('goes on with the undo of its other items while that of one waits for a person', () => {
    const play = started([1, 2, 3], { concurrency: 1, undoRetry: { maxRetries: 0 } });
    play.succeed('pick/0').succeed('pick/1').reject('pick/2').timeOut('pick/0', 'undo');
    expect(play.saga.attention).toMatchObject([{ code: 'COMPENSATION_FAILED', step: 'pick/0' }]);
    expect(play.sent.at(-1)).toMatchObject({ step: 'pick/1', direction: 'undo' });
  });

  it('leaves no room for others in an item whose undo partly waits for a person and is partly out', () => {
    const once = { retry: { maxRetries: 0 }, undoRetry: { maxRetries: 0 } };
    const body = new WorkflowBuilder('body')
      .addParallelSteps(
        [
          { name: 'fast', worker: 'q.fast', readOnly: true },
          { name: 'slow', worker: 'q.slow', compensation: 'q.unslow', ...once },
        ],
        { join: 'any' },
      )
      .addStep('then', 'q.then', { compensation: 'q.unthen', ...once })
      .build({ part: true });
    const workflow = new WorkflowBuilder('w')
      .addMap('each', { over: () => [1, 2], workflow: body, concurrency: 1 })
      .build();
    const play = new SagaPlay(workflow).start();
    play.fail('each/0/slow').succeed('each/0/fast').succeed('each/0/then');
    play.succeed('each/1/fast').succeed('each/1/slow').apply({ type: 'cancel' }).succeed('each/1/then');
    const undone = (): string[] =>
      play.sent.filter(({ direction }) => direction === 'undo').map(({ step }) => step);
    expect(undone()).toEqual(['each/0/slow', 'each/0/then']);
    play.timeOut('each/0/then', 'undo');
    expect(play.saga.attention).toMatchObject([{ step: 'each/0/then' }]);
    expect(undone()).toHaveLength(2);
    expect(play.undone('each/0/slow').sent.at(-1)).toMatchObject({ step: 'each/1/then', direction: 'undo' });
  });

  it('undoes beside the forward path no more items at the same time either', () => {
    const play = started([1, 2, 3], { concurrency: 1, tolerate: { count: 2 } });
    play.fail('pick/0').fail('pick/1').succeed('pick/2', 'C');
    const undone = (): string[] =>
      play.sent.filter(({ direction }) => direction === 'undo').map(({ step }) => step);
    expect(undone()).toEqual(['pick/0']);
    expect(play.succeed('pack').saga.state).toBe('running');
    play.undone('pick/0');
    expect(undone()).toEqual(['pick/0', 'pick/1']);
    expect(play.undone('pick/1').saga.state).toBe('completed');
  });

  it('does not undo an item again before there is room for it', () => {
    const play = started([1, 2, 3], { concurrency: 1, tolerate: { count: 1 } }).timeOut('pick/0');
    play.apply(play.replyOf('pick/0', 'succeeded', { direction: 'undo', noop: true }));
    play.succeed('pick/1').reject('pick/2');
    expect(play.sent.at(-1)).toMatchObject({ step: 'pick/1', direction: 'undo' });
    play.succeed('pick/0');
    expect(play.sent.at(-1)).toMatchObject({ step: 'pick/1', direction: 'undo' });
    expect(play.undone('pick/1').sent.at(-1)).toMatchObject({ step: 'pick/0', direction: 'undo', run: 2 });
  });

  it('goes on without so many items as are tolerated, and undoes those that may have happened', () => {
    const play = started([1, 2, 3, 4], { tolerate: { fraction: 0.5 } });
    play.reject('pick/0').fail('pick/1').succeed('pick/2', 'C');
    expect(play.commands.at(-1)).toBe('stock.put');
    play.succeed('pick/3', 'D');
    expect(play.sent.at(-1)).toMatchObject({ step: 'pack', data: { pick: [null, null, 'C', 'D'] } });
    expect(play.succeed('pack').saga.state).toBe('running');
    expect(play.undone('pick/1').saga.state).toBe('completed');
  });

  it('begins nothing more in an item that it goes on without, though its step succeeded late', () => {
    const workflow = new WorkflowBuilder('w')
      .addMap('send', {
        over: (context) => context.get('to'),
        workflow: shipping,
        input: (context) => ({ to: context.get('item') }),
        tolerate: { count: 1 },
      })
      .build();
    const play = new SagaPlay(workflow).start({ to: ['x', 'y'] }).breakDown('send/0/book');
    expect(play.saga.steps['send/0']).toMatchObject({ lost: 'undo' });
    expect(play.sent.at(-1)).toMatchObject({ step: 'send/0/book', direction: 'undo' });
    play.succeed('send/0/book');
    expect(play.sent.at(-1)).toMatchObject({ step: 'send/0/book', direction: 'undo' });
    play.undone('send/0/book').succeed('send/1/book').succeed('send/1/label');
    expect(play.saga).toMatchObject({ state: 'completed' });
    expect(play.saga.steps['send']?.output).toMatchObject([null, {}]);
  });

  it('runs a workflow for each item', () => {
    const workflow = new WorkflowBuilder('w')
      .addMap('send', {
        over: (context) => context.get('to'),
        workflow: shipping,
        input: (context) => ({ to: context.get('item') }),
      })
      .build();
    const play = new SagaPlay(workflow).start({ to: ['x', 'y'] }).succeed('send/1/book', 1);
    expect(play.sent.at(-1)).toMatchObject({ step: 'send/1/label', data: { to: 'y', book: 1 } });
    play.succeed('send/0/book').reject('send/0/label').succeed('send/1/label');
    // The items are independent: each is undone from its end, at the same time.
    expect(
      play.sent
        .slice(-2)
        .map(({ step }) => step)
        .sort(),
    ).toEqual(['send/0/book', 'send/1/label']);
    play.undone('send/1/label').undone('send/0/book').undone('send/1/book');
    expect(play.saga.state).toBe('compensated');
  });

  it('holds a thousand items', () => {
    const items = Array.from({ length: 1_000 }, (_, index) => index);
    const play = new SagaPlay(lines({ concurrency: 1_000 })).start({ items });
    expect(play.sent).toHaveLength(1_000);
  });
});
