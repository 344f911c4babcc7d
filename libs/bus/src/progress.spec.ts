import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PartitionProgress, type Handed } from './progress.js';

const handed = (position: number): Handed => ({ position, settled: false });

describe('the progress of a partition', () => {
  test('is the contiguous acknowledged prefix, in whatever order acknowledgements come', () => {
    const cases = fc
      .integer({ min: 1, max: 60 })
      .chain((count) =>
        fc.tuple(
          fc.array(fc.integer({ min: 1, max: 3 }), { minLength: count, maxLength: count }),
          fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i)),
        ),
      );
    fc.assert(
      fc.property(cases, ([gaps, order]) => {
        let position = 100;
        const all = gaps.map((gap) => handed((position += gap)));
        let released = 0;
        const progress = new PartitionProgress((count) => (released += count));
        for (const one of all) progress.handOut(one);
        let before = progress.position ?? 0;
        for (const [done, at] of order.entries()) {
          const one = all[at];
          if (one === undefined) continue;
          expect(progress.acknowledge(one)).toBe(true);
          expect(progress.acknowledge(one)).toBe(false);
          const open = all.find(({ settled }) => !settled);
          expect(progress.position).toBe(open?.position ?? position + 1);
          expect(progress.position).toBeGreaterThanOrEqual(before);
          before = progress.position ?? 0;
          expect(released).toBe(done + 1);
          expect(progress.outstanding).toBe(all.length - done - 1);
        }
      }),
    );
  });

  test('is unknown until something was read, unless it is told where it began', () => {
    const progress = new PartitionProgress();
    expect(progress.position).toBeUndefined();
    progress.startAt(7);
    expect(progress.position).toBe(7);
    progress.handOut(handed(9));
    progress.startAt(3);
    expect(progress.position).toBe(9);
  });

  test('stays correct over many messages', () => {
    const progress = new PartitionProgress();
    const all = Array.from({ length: 5_000 }, (_, i) => handed(i));
    for (const one of all) progress.handOut(one);
    for (const one of all) if (one.position !== 4_000) progress.acknowledge(one);
    expect(progress.position).toBe(4_000);
    expect(progress.outstanding).toBe(1);
  });

  test('ends with its generation: later acknowledgements do not count, and its credit is given back', () => {
    let released = 0;
    const progress = new PartitionProgress((count) => (released += count));
    const [first, second] = [handed(0), handed(1)];
    progress.handOut(first);
    progress.handOut(second);
    progress.retire();
    expect(progress.acknowledge(first)).toBe(false);
    expect(progress.position).toBe(0);
    expect(released).toBe(2);
  });

  test('goes back when the log does, and forgets what it handed out from above', () => {
    const progress = new PartitionProgress();
    const old = handed(50);
    progress.handOut(old);
    const fresh = handed(10);
    progress.handOut(fresh);
    expect(progress.position).toBe(10);
    expect(progress.acknowledge(old)).toBe(false);
    expect(progress.acknowledge(fresh)).toBe(true);
    expect(progress.position).toBe(11);
  });

  test('tells those who wait when an end is reached, or that the partition was lost', async () => {
    const progress = new PartitionProgress();
    const one = handed(4);
    progress.handOut(one);
    const [near, far] = [progress.reached(5), progress.reached(9)];
    progress.acknowledge(one);
    expect(await near).toBe(true);
    progress.retire();
    expect(await far).toBe(false);
    expect(await progress.reached(0)).toBe(false);
  });

  test('passes what held no message once nothing is open below', async () => {
    const progress = new PartitionProgress(undefined, 0);
    const one = handed(0);
    progress.handOut(one);
    const reached = progress.reached(3);
    progress.readTo(3);
    expect(progress.position).toBe(0);
    progress.acknowledge(one);
    expect(progress.position).toBe(3);
    expect(await reached).toBe(true);
  });
});
