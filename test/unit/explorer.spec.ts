import { beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { Saga, StepProgress } from '@counterstep/core';
import { compareWalks } from '../explorer/compare-walks.js';
import { explore } from '../explorer/explore.js';
import { rulesAt } from '../explorer/rules.js';
import type { Rules } from '../explorer/rules.js';
import { SHAPES, SMALL } from '../explorer/shapes.js';
import type { Shape } from '../explorer/shapes.js';
import { tellWalk, walkAll } from '../explorer/walk-all.js';
import type { Bus } from '../explorer/world.js';

/** What the walks forget of a saga. */
const WRONGLY_ASKED: readonly (readonly [string, (saga: Saga) => boolean])[] = [
  ['an error', ({ steps }) => steps.a?.forward?.error?.code === 'TIMEOUT'],
  ['how often what succeeded was tried', ({ steps }) => isOver(steps.a) && steps.a?.forward?.attempt === 2],
  [
    'whether what succeeded was ever in doubt',
    ({ steps }) => isOver(steps.a) && steps.a?.forward?.uncertain === true,
  ],
];

function isOver(step: StepProgress | undefined): boolean {
  return step?.forward?.status === 'ended' && step.forward.outcome === 'succeeded';
}

let rules: Rules;
beforeAll(async () => {
  rules = await rulesAt(join(import.meta.dirname, '..', '..'));
});

test('all interleavings of decide, the barrier and a bus that drops, duplicates and delays', () => {
  const lines: string[] = [];
  const budget = { states: 200_000, milliseconds: 90_000 };
  const result = walkAll(rules, budget, (walk) => lines.push(tellWalk(walk)));
  const exhausted = result.walks.filter((walk) => walk.exhausted).length;
  lines.push(`${result.states} states, ${exhausted} of ${result.walks.length} walks exhausted`);
  process.stdout.write(`${lines.join('\n')}\n`);
  expect(result.walks.filter(({ counterexample }) => counterexample).map(tellWalk)).toEqual([]);
  // Invariants that hold of nothing prove nothing.
  expect(result.meetings.never()).toEqual([]);
}, 180_000);

describe('walking with less detail', () => {
  const walk = (shape: Shape, bus: Bus) => {
    const limits = { states: 50_000, until: Infinity, collectTruths: true, remembers: true };
    const { exhausted, truths = new Set<string>() } = explore(rules, shape, bus, limits);
    expect(exhausted).toBe(true);
    return [...truths].sort();
  };

  test.each(SMALL.filter(({ name }) => !name.includes('external')))(
    'of the bus reaches the same: $name',
    (shape) => {
      const truths = walk(shape, 'any time');
      expect(truths.length).toBeGreaterThan(100);
      expect(walk(shape, 'step by step')).toEqual(truths);
      expect(walk(shape, 'honest engine')).toEqual(truths);
    },
  );

  const twice = SHAPES.filter(({ name }) => /^sequence: (transaction|none), 2 attempts$/.test(name));
  test.each([...SMALL, ...twice])('of the saga reaches the same: $name', (shape) => {
    expect(compareWalks(rules, shape, 50_000).verdict).toBe('the same');
  });

  const withPeople = SHAPES.filter(({ name }) => name === 'failure that waits for a person: external');
  test.each(withPeople)('of the saga goes on alike, as far as is walked here: $name', (shape) => {
    expect(compareWalks(rules, shape, 20_000).verdict).toBe('alike so far');
  });

  test.each(WRONGLY_ASKED)('of the saga is told, once a rule asks for it: %s', (_, asks) => {
    const shape = SHAPES.find(
      ({ name }) => name === 'sequence: transaction, transaction, 2 attempts',
    ) as Shape;
    const curious: Rules = {
      ...rules,
      decide: (workflow, saga, event, moment) =>
        saga && event.type === 'cancel' && asks(saga)
          ? { kind: 'ignored', reason: 'for what nobody should ask about' }
          : rules.decide(workflow, saga, event, moment),
    };
    const { walk: found, verdict } = compareWalks(curious, shape, 50_000);
    expect(verdict).toBe('DIFFERENT');
    expect(found.counterexample?.invariant).toBe('forgetting');
  });
});
