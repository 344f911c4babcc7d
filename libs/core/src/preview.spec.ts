import { describe, expect, it } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, undoPreview } from './index.js';
import type { UndoPreview, Workflow } from './index.js';

const order = new WorkflowBuilder('order')
  .addStep('look', 'q.look', { readOnly: true })
  .addStep('mail', 'q.mail')
  .addParallelSteps([
    { name: 'reserve', worker: 'q.reserve', compensation: 'q.release' },
    { name: 'charge', worker: 'q.charge', compensation: 'q.refund' },
  ])
  .addStep('ship', 'q.ship', 'q.recall')
  .build() as Workflow;

const lasting = new WorkflowBuilder('lasting')
  .addStep('reserve', 'q.reserve', 'q.release')
  .addStep('pay', 'q.pay', { pivot: true, barrier: 'transaction' })
  .addStep('send', 'q.send', { retriable: true })
  .build() as Workflow;

const previewOf = ({ saga, workflow }: SagaPlay): UndoPreview => undoPreview(saga, workflow);
const namesOf = ({ stages }: UndoPreview): string[][] => stages.map((stage) => stage.map(({ step }) => step));

describe('what would be undone', () => {
  it('is nothing before a step has begun', () => {
    const play = new SagaPlay(order).start({}, 2_000_000);
    expect(previewOf(play)).toEqual({
      verdict: 'wouldUndo',
      text: 'a failure now would undo nothing',
      asksFirst: false,
      stages: [],
      notUndone: [],
      awaited: [],
    });
  });

  it('is what happened, in the reverse of its order, with what stays and what is out', () => {
    const play = new SagaPlay(order)
      .start()
      .succeed('look')
      .succeed('mail')
      .succeed('charge')
      .fail('reserve');
    play.wait().succeed('reserve');
    expect(previewOf(play)).toEqual({
      verdict: 'wouldUndo',
      text: 'a failure now would undo ship, then reserve and charge',
      asksFirst: false,
      stages: [
        [{ step: 'ship', compensation: 'q.recall', outcome: null, status: 'planned' }],
        [
          { step: 'reserve', compensation: 'q.release', outcome: 'succeeded', status: 'planned' },
          { step: 'charge', compensation: 'q.refund', outcome: 'succeeded', status: 'planned' },
        ],
      ],
      notUndone: [
        { step: 'mail', code: 'NO_COMPENSATION', text: 'mail stays: no compensation is named for it' },
      ],
      awaited: [{ step: 'ship', worker: 'q.ship', until: new Date(play.now + 30_000).toISOString() }],
    });
  });

  it('leaves out what was rejected, and counts what nobody knows the end of', () => {
    const play = new SagaPlay(order)
      .start()
      .succeed('look')
      .succeed('mail')
      .reject('charge')
      .timeOut('reserve');
    expect(namesOf(previewOf(play))).toEqual([['reserve']]);
    expect(previewOf(play).stages[0]?.[0]?.outcome).toBe('unknown');
  });

  it('is what is left of it while it is being undone', () => {
    const play = new SagaPlay(order)
      .start()
      .succeed('look')
      .succeed('mail')
      .succeed('charge')
      .succeed('reserve');
    play.reject('ship').undone('charge').fail('reserve', 'BUSY', { direction: 'undo' });
    expect(previewOf(play)).toMatchObject({
      verdict: 'undoing',
      text: 'left to undo: reserve',
      stages: [[{ step: 'reserve', status: 'waiting' }]],
    });
    play.apply({
      ...play.replyOf('reserve', 'rejected', { direction: 'undo' }),
      error: { code: 'NO', message: 'no' },
    });
    expect(previewOf(play).stages).toMatchObject([[{ step: 'reserve', status: 'stuck' }]]);
    play.apply({ type: 'intervene', verb: 'giveUp', reason: 'lost', actor: 'ann' });
    expect(play.saga.state).toBe('failed');
    expect(previewOf(play)).toMatchObject({
      verdict: 'ended',
      text: 'nothing would be undone: the saga has ended',
      stages: [],
      notUndone: [{ step: 'mail' }, { step: 'reserve', code: 'GIVEN_UP' }],
    });
  });

  it('hangs on the answer of the pivot while that is out, and is nothing after it', () => {
    const play = new SagaPlay(lasting).start().succeed('reserve');
    expect(previewOf(play)).toMatchObject({
      verdict: 'pivotDecides',
      text: 'the answer of pay decides; if it is rejected, the undo is of reserve',
      awaited: [{ step: 'pay', worker: 'q.pay' }],
      notUndone: [{ step: 'pay', code: 'NO_COMPENSATION' }],
    });
    play.succeed('pay');
    expect(previewOf(play)).toMatchObject({
      verdict: 'pastPivot',
      text: 'nothing would be undone: pay is done, so the saga can only be finished',
      stages: [],
      awaited: [],
      notUndone: [
        { step: 'reserve', code: 'PAST_PIVOT' },
        { step: 'pay', code: 'PAST_PIVOT' },
        { step: 'send', code: 'PAST_PIVOT' },
      ],
    });
  });

  it('is put to a person first where the saga was told so', () => {
    const held = new WorkflowBuilder('held')
      .addStep('a', 'q.a', 'q.undoA')
      .withFailureMode('hold')
      .build() as Workflow;
    expect(previewOf(new SagaPlay(held).start()).asksFirst).toBe(true);
  });

  it('is nothing of a saga that completed', () => {
    const done = new WorkflowBuilder('done').addStep('a', 'q.a', 'q.undoA').build() as Workflow;
    expect(previewOf(new SagaPlay(done).start().succeed('a'))).toMatchObject({
      verdict: 'ended',
      stages: [],
      notUndone: [],
    });
  });
});

describe('an undo that runs twice', () => {
  it('is told twice while the first is out', () => {
    const slow = new WorkflowBuilder('slow')
      .addStep('a', 'q.a', { compensation: 'q.undoA', retry: { maxRetries: 0 } })
      .addStep('b', 'q.b')
      .build() as Workflow;
    const play = new SagaPlay(slow).start().timeOut('a');
    play.succeed('a', {}, { late: true });
    expect(namesOf(previewOf(play))).toEqual([['a'], ['a']]);
    expect(
      previewOf(play)
        .stages.flat()
        .map(({ status }) => status),
    ).toEqual(['running', 'planned']);
    play.undone('a');
    expect(namesOf(previewOf(play))).toEqual([['a']]);
  });
});
