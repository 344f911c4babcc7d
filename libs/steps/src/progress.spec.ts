import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { percentsAfter } from './progress.js';

describe('progress', () => {
  test.each<[weights: number[], percents: number[]]>([
    [
      [0.2, 0.6, 0.2],
      [20, 80, 100],
    ],
    [
      [0.1, 0.7, 0.2],
      [10, 80, 100],
    ],
    [
      [2, 6, 2],
      [20, 80, 100],
    ],
    [
      [0.01, 0.08, 0.91],
      [1, 9, 100],
    ],
    [
      [0, 0, 0],
      [33, 66, 100],
    ],
    [
      [1, 0],
      [100, 100],
    ],
    [
      [0, 1],
      [0, 100],
    ],
    [
      [0.999, 0.001],
      [99, 100],
    ],
    [
      [Number.MAX_VALUE, Number.MAX_VALUE],
      [50, 100],
    ],
    [[Number.MIN_VALUE], [100]],
  ])('of the weights %j is %j', (weights, percents) => {
    expect(percentsAfter(weights)).toEqual(percents);
  });

  test('never falls, is never above 100, and ends at 100, whatever the weights', () => {
    const weight = fc.oneof(fc.constant(0), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1 }), (weights) => {
        const percents = percentsAfter(weights);
        expect(percents).toHaveLength(weights.length);
        expect(percents).toEqual(percents.toSorted((a, b) => a - b));
        expect(percents.every((percent) => Number.isInteger(percent) && percent >= 0)).toBe(true);
        expect(percents.at(-1)).toBe(100);
      }),
    );
  });

  test('is the share of the weight that is done, less than one percent rounded off', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1 }), (weights) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        let done = 0;
        for (const [index, percent] of percentsAfter(weights).entries()) {
          done += weights[index] ?? 0;
          expect(percent).toBe(Math.floor((100 * done) / sum));
        }
      }),
    );
  });
});
