import { beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { explore } from '../explorer/explore.js';
import { rulesAt } from '../explorer/rules.js';
import type { Rules } from '../explorer/rules.js';
import { SMALL } from '../explorer/shapes.js';
import { tellWalk, walkAll } from '../explorer/walk-all.js';

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
  const walk = (shape: (typeof SMALL)[number], bus: Parameters<typeof explore>[2]) => {
    const limits = { states: 50_000, until: Infinity, collectTruths: true };
    const { exhausted, truths = new Set<string>() } = explore(rules, shape, bus, limits);
    expect(exhausted).toBe(true);
    return [...truths].sort();
  };

  test.each(SMALL.filter(({ name }) => !name.includes('external')))('reaches the same: $name', (shape) => {
    const truths = walk(shape, 'any time');
    expect(truths.length).toBeGreaterThan(100);
    expect(walk(shape, 'step by step')).toEqual(truths);
    expect(walk(shape, 'honest engine')).toEqual(truths);
  });
});
