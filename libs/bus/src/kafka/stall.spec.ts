import { describe, expect, test } from '@jest/globals';
import { StallWatch, type Probe } from './stall.js';

const at = (position: number, more: Partial<Probe> = {}): Probe[] => [
  { name: 't/0', position, end: 100, outstanding: 0, ...more },
];

describe('a consumer counts as stalled', () => {
  test('when it stands still although there is more and all was acknowledged', () => {
    const watch = new StallWatch(4);
    const reasons = [1, 2, 3, 4, 5].map(() => watch.observe(at(7)));
    expect(reasons.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
    expect(reasons[4]).toContain('t/0 stands at 7 of 100');
  });

  test('not while it moves, waits for its handler, or has read all', () => {
    for (const probe of [
      (i: number) => at(i),
      () => at(7, { outstanding: 1 }),
      () => at(100),
      (i: number) => at(7, { outstanding: i === 3 ? 1 : 0 }),
    ]) {
      const watch = new StallWatch(4);
      for (let i = 0; i < 6; i++) expect(watch.observe(probe(i))).toBeUndefined();
    }
  });
});
