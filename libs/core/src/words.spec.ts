import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inSequence, inWords, listed, times } from './words.js';

describe('a time in words', () => {
  it.each([
    [-5, '0 ms'],
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1 s'],
    [1_540, '1.5 s'],
    [9_949, '9.9 s'],
    [9_950, '10 s'],
    [11_600, '12 s'],
    [59_499, '59 s'],
    [59_500, '1 min'],
    [90_000, '1 min 30 s'],
    [3_599_600, '1 h'],
    [7_530_000, '2 h 6 min'],
    [86_399_999, '1 d'],
    [273_600_000, '3 d 4 h'],
    [864_000_000, '10 d'],
  ])('%d ms are %s', (milliseconds, words) => {
    expect(inWords(milliseconds)).toBe(words);
  });

  it('is off by half of its lesser unit at most', () => {
    const sizes: Record<string, number> = { d: 86_400_000, h: 3_600_000, min: 60_000, s: 1_000, ms: 1 };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 10 }), (milliseconds) => {
        const parts = [...inWords(milliseconds).matchAll(/([\d.]+) (\w+)/g)];
        const said = parts.reduce(
          (sum, [, count, unit = '']) => sum + Number(count) * (sizes[unit] ?? NaN),
          0,
        );
        const grain =
          milliseconds < 9_950
            ? 100
            : milliseconds < 3_599_500
              ? 1_000
              : milliseconds < 86_370_000
                ? 60_000
                : 3_600_000;
        expect(Math.abs(said - milliseconds)).toBeLessThanOrEqual(grain / 2);
      }),
      { seed: 1 },
    );
  });
});

describe('lists in words', () => {
  it('join few names, and count the rest of many', () => {
    expect([1, 2, 3].map(times)).toEqual(['once', 'twice', '3 times']);
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed)).toEqual(['', 'a', 'a and b', 'a, b and c']);
    const many = Array.from({ length: 12 }, (_, index) => `s${index}`);
    expect(listed(many)).toBe('s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 2 more');
    expect(inSequence(['a', 'b'])).toBe('a, then b');
    expect(inSequence(many)).toMatch(/s9, then 2 more stages$/);
  });
});
