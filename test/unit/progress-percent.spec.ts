import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';
import { WorkflowBuilder, isFinished, openAttempts, statusOf, type Workflow } from '@counterstep/core';
import { effectKeyOf, type ProgressMessage } from '@counterstep/protocol';
import { SAGA_ID, SagaPlay } from '../../libs/core/test-support/saga-play.js';
import { ProgressView } from '../../libs/engine/src/progress-view.js';

const input = z.object({ items: z.array(z.number()), go: z.boolean() });
const child = new WorkflowBuilder('child', { input: z.any() })
  .addStep('inner', 'q.inner', { progressWeight: 2, compensation: 'q.undoInner' })
  .build();
const workflow = new WorkflowBuilder('w', { input })
  .withRetryConfig({ maxRetries: 2, initialDelay: 1 })
  .addStep('first', 'q.first', { progressWeight: 0.7, compensation: 'q.undoFirst' })
  .addConditionalStep('maybe', 'q.maybe', (context) => context.get('go'), {
    progressWeight: 1.3,
    compensation: 'q.undoMaybe',
  })
  .addParallelSteps(
    ['left', 'middle', 'right'].map((name) => ({
      name,
      worker: `q.${name}`,
      compensation: `q.undo_${name}`,
    })),
    { join: { quorum: 2 } },
  )
  .addWorkflow('sub', child)
  .addMap('each', {
    over: (context) => context.get('items'),
    worker: 'q.each',
    compensation: 'q.undoEach',
    concurrency: 2,
    progressWeight: 3,
  })
  .addStep('last', 'q.last', { progressWeight: 0, compensation: 'q.undoLast' })
  .build() as Workflow;

const STEPS = [
  'first',
  'maybe',
  'left',
  'middle',
  'right',
  'sub/inner',
  'each/0',
  'each/1',
  'each/2',
  'last',
];

const act = fc.record({
  /** Which of the open attempts. */
  which: fc.nat({ max: 5 }),
  what: fc.constantFrom(
    'succeed',
    'succeed',
    'succeed',
    'fail',
    'timeOut',
    'reject',
    'wait',
    'tick',
    'tick',
    'tick',
    'stray',
  ),
  current: fc.integer({ min: 0, max: 130 }),
  category: fc.constantFrom('', 'a', 'b'),
  origin: fc.constantFrom('one', 'two'),
  stray: fc.record({
    step: fc.constantFrom(...STEPS),
    run: fc.integer({ min: 1, max: 2 }),
    attempt: fc.integer({ min: 1, max: 3 }),
    number: fc.integer({ min: 1, max: 40 }),
  }),
});

function tell(
  view: ProgressView,
  step: string,
  direction: 'forward' | 'undo',
  over: Pick<ProgressMessage, 'run' | 'attempt' | 'number' | 'origin'>,
  progress: { category: string; current: number },
): void {
  view.apply({
    specversion: '1.0',
    id: 'm',
    source: 'test',
    type: 'counterstep.progress.v1',
    time: '2030-01-01T00:00:00Z',
    sagaid: SAGA_ID,
    step,
    direction,
    effectkey: effectKeyOf(SAGA_ID, step, over.run, direction),
    worker: 'q',
    replytoken: 't',
    ...over,
    data: { progress: [{ category: progress.category || step, current: progress.current, total: 100 }] },
  });
}

test('whatever workers do and tell, the percentage never goes back while the saga goes forward, and is 100 only at the end', () => {
  let completed = 0;
  let turned = 0;
  let partial = 0;
  fc.assert(
    fc.property(
      fc.record({ items: fc.array(fc.nat(), { maxLength: 3 }), go: fc.boolean() }),
      fc.array(act, { minLength: 30, maxLength: 70 }),
      (begin, acts) => {
        const play = new SagaPlay(workflow).start(begin);
        const view = new ProgressView();
        let highest = 0;
        let told = 0;
        const look = (): void => {
          const { saga } = play;
          const { progress } = statusOf(saga, workflow, view.told(SAGA_ID));
          expect(progress).toBeGreaterThanOrEqual(0);
          if (saga.state === 'completed') expect(progress).toBe(100);
          else if (!isFinished(saga)) expect(progress).toBeLessThan(100);
          if (saga.direction === 'forward') {
            expect(progress).toBeGreaterThanOrEqual(highest);
            if (progress > statusOf(saga, workflow).progress) partial += 1;
            highest = progress;
          } else turned += 1;
          if (saga.state === 'completed') completed += 1;
        };
        look();
        for (const { which, what, current, category, origin, stray } of acts) {
          if (isFinished(play.saga)) break;
          const open = openAttempts(play.saga);
          const { step, direction, attempts } = open[which % Math.max(1, open.length)] ?? {};
          if (what === 'stray')
            tell(view, stray.step, 'forward', { ...stray, origin }, { category, current });
          else if (step === undefined || !direction || !attempts) continue;
          else if (what === 'tick') {
            told += 1;
            const { run, attempt } = attempts;
            tell(view, step, direction, { run, attempt, origin, number: told }, { category, current });
          } else if (attempts.status === 'waiting') {
            play.now = Math.max(play.now, attempts.dueAt ?? 0);
            play.decide({ type: 'timer' });
          } else if (what === 'succeed') play.succeed(step, {}, { direction });
          else if (what === 'fail') play.fail(step, 'BUSY', { direction });
          else if (what === 'timeOut') play.timeOut(step, direction);
          else if (what === 'reject' && direction === 'forward' && which === 0) play.reject(step);
          look();
        }
      },
    ),
    { numRuns: 150 },
  );
  // The walks meet what they are to meet.
  expect(Math.min(completed, turned, partial)).toBeGreaterThan(20);
}, 60_000);
