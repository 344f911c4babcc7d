import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RandomSaga, happenings, shapes, workflowOf } from '../test-support/random-saga.js';
import { undoPreview } from './index.js';
import type { UndoPreview } from './index.js';

const met = new Map<string, number>();
const meet = (name: string, when: boolean): void => {
  met.set(name, (met.get(name) ?? 0) + Number(when));
};

/** What runs of it is answered, and no more is begun but undos. */
function fall(random: RandomSaga, preview: UndoPreview, outcome: 'succeeded' | 'failed'): void {
  const { pivot } = random.workflow;
  const isLeft = preview.verdict === 'wouldUndo' || preview.verdict === 'pivotDecides';
  if (isLeft) random.tell({ type: 'cancel' });
  if (preview.verdict === 'pivotDecides' && pivot !== undefined) random.answer(pivot, 'forward', 'rejected');
  for (const { step } of preview.awaited) if (step !== pivot) random.answer(step, 'forward', outcome);
}

/** The undos that are out, planned or stuck. */
function openUndos({ saga }: RandomSaga): string[] {
  return Object.values(saga.steps).flatMap(({ path, undo }) =>
    undo && undo.status !== 'ended' ? [path] : [],
  );
}

describe('the preview of an undo', () => {
  it('is the order in which decide undoes when a cancel comes and what is out succeeds or fails', () => {
    fc.assert(
      fc.property(shapes, happenings, fc.boolean(), (shape, list, succeeds) => {
        const workflow = workflowOf(shape);
        const random = new RandomSaga(workflow);
        for (const happening of list) random.happen(happening);
        if (random.saga.paused) random.tell({ type: 'resume' });
        const preview = undoPreview(random.saga, workflow);
        meet(preview.verdict, true);
        if (preview.verdict === 'ended') {
          expect(preview.stages).toEqual([]);
          return;
        }
        fall(random, preview, succeeds ? 'succeeded' : 'failed');
        const stages: string[][] = [];
        for (let open = openUndos(random); open.length > 0; open = openUndos(random)) {
          stages.push(open.sort());
          for (const path of open) random.answer(path, 'undo', 'succeeded');
        }
        const planned = preview.stages.map((stage) => stage.map(({ step }) => step).sort());
        expect(stages).toEqual(planned);
        meet('several stages', stages.length > 2);
        meet(
          'several at once',
          stages.some((stage) => stage.length > 1),
        );
        meet(
          'in a map',
          stages.flat().some((path) => /\/\d+\//.test(path)),
        );
        meet('with some out', preview.awaited.length > 0);
        meet(
          'some undos under way',
          preview.stages.flat().some(({ status }) => status === 'running'),
        );
        meet(
          'some undos stuck',
          preview.stages.flat().some(({ status }) => status === 'stuck'),
        );
      }),
      { numRuns: 1_200, seed: 20_261_121 },
    );
    expect([...met].filter(([, times]) => times === 0)).toEqual([]);
  }, 120_000);
});
