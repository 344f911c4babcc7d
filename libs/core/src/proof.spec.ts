import { describe, expect, it } from '@jest/globals';
import { loose, problemsOf, step } from '../test-support/loose-builder.js';
import type { Loose } from '../test-support/loose-builder.js';
import { WARNINGS } from './index.js';

const list = (): unknown[] => [];
const undone = { compensation: 'q.undo' };
const a = { name: 'a', worker: 'q.a' };
const b = { name: 'b', worker: 'q.b', ...undone };
const child = (options: unknown = {}): Loose => loose('child').addStep('one', 'q.one', options);

/** What is warned of, the path at which it is, and the definition. */
const table: [code: string, at: string, builder: Loose][] = [
  ['NO_UNDO', 'a', step({})],
  ['NO_UNDO', 'a', step({}).withFailureMode('hold')],
  ['NO_UNDO', 'a', loose().addParallelSteps([a, b])],
  ['NO_UNDO', 'c/one', loose().addWorkflow('c', child().build())],
  ['NO_UNDO', 'm/*', loose().addMap('m', { over: list, worker: 'q.m' })],
  ['NO_UNDO', 'm/*/one', loose().addMap('m', { over: list, workflow: child().build() })],
  [
    'NO_UNDO',
    'a',
    loose().addParallelSteps([
      { ...a, retriable: true },
      { name: 'pay', worker: 'q.pay', pivot: true },
    ]),
  ],
  ['UNKNOWN_NEEDS_OUTPUT', 'a', step({ ...undone, undoNeedsOutput: true })],
  ['BARRIER_NONE', 'a', step({ ...undone, barrier: 'none' })],
  ['CHILD_SETTING_IGNORED', 'c', loose().addWorkflow('c', child(undone).withSagaTimeout(5).build())],
  ['CHILD_SETTING_IGNORED', 'c', loose().addWorkflow('c', child(undone).withFailureMode('hold').build())],
  [
    'CHILD_SETTING_IGNORED',
    'm/*',
    loose().addMap('m', { over: list, workflow: child(undone).withSagaTimeout(5).build() }),
  ],
];

describe('build() warns of', () => {
  it.each(table)('%s at %s, and refuses it under strict', (code, at, builder) => {
    const { warnings } = builder.build();
    expect(warnings.map((warning) => [warning.code, warning.step])).toEqual([[code, at]]);
    expect(warnings[0]?.mend).toBeTruthy();
    expect(problemsOf(builder, { strict: true })).toEqual(warnings);
  });

  it('each of its reasons, all of which the table holds', () => {
    expect([...new Set(table.map(([code]) => code))].sort()).toEqual([...WARNINGS].sort());
  });
});

describe('an effect without an undo', () => {
  const said = (builder: Loose): string | undefined =>
    builder.build().warnings.find(({ step: at }) => at === 'a')?.message;

  it('is told with the failures that leave it standing', () => {
    expect(said(step({}))).toBe(
      'its effect would stay when it ends failed or unknown, or the saga is cancelled',
    );
    const later = loose()
      .addStep('early', 'q.early', undone)
      .addParallelSteps([a, b])
      .sleep('nap', 5)
      .waitForSignal('maybe', { timeout: 5, onTimeout: 'continue' })
      .addWorkflow('c', child(undone).build());
    expect(said(later)).toMatch(/unknown, 'b' or 'c\/one' fails, or the saga/);
    expect(said(later.waitForApproval('ok', { timeout: 5 }))).toMatch(/'b' or 'c\/one' or 'ok' fails/);
    expect(said(later.addStep('last', 'q.last', undone))).toMatch(/'b', 'c\/one', 'ok' or another fails/);
  });

  it('is told when it may lose its join, unless the group keeps it', () => {
    const race = (options: object): Loose => loose().addParallelSteps([a, b], options);
    expect(said(race({ join: 'any' }))).toMatch(/its group does not need it/);
    expect(said(race({ join: 'any', keep: true }))).not.toMatch(/need it/);
    expect(said(race({ join: 'all' }))).not.toMatch(/need it/);
  });
});

describe('build() warns of nothing', () => {
  it.each<[string, Loose]>([
    ['that has an undo', step(undone)],
    ['that changes nothing', step({ readOnly: true, barrier: 'none' })],
    ['that is the pivot, or comes after it', step({ pivot: true }).addStep('b', 'q.b', { retriable: true })],
    ['that stands after the pivot of another', part()],
    ['that a barrier guards', step({ ...undone, barrier: 'external' })],
    ['that has no worker', loose().sleep('a', 5).waitForSignal('b', { timeout: 5 })],
  ])('%s', (_, builder) => {
    expect(builder.build({ strict: true }).warnings).toEqual([]);
  });
});

function part(): Loose {
  const late = loose('late')
    .addStep('tell', 'q.tell', { retriable: true })
    .build({ part: true, strict: true });
  return step({ pivot: true }).addWorkflow('b', late);
}
