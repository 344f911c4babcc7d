import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inParallel } from './parallel.js';

/** Work that ends when it is told to. */
function controlled() {
  const begun: number[] = [];
  const ends = new Map<number, { resolve: () => void; reject: (reason: Error) => void }>();
  const work = (item: number) => {
    begun.push(item);
    return new Promise<void>((resolve, reject) => ends.set(item, { resolve, reject }));
  };
  return { begun, ends, work };
}

/** Lets everything go on that can. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('work done in parallel', () => {
  test('is done for every item, never for more than the limit at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (pauses, limit) => {
          const done: number[] = [];
          let running = 0;
          let most = 0;
          await inParallel(pauses.entries(), limit, async ([index, pause]) => {
            running += 1;
            most = Math.max(most, running);
            for (let turn = 0; turn < pause; turn += 1) await Promise.resolve();
            running -= 1;
            done.push(index);
          });
          expect(done.sort((a, b) => a - b)).toEqual([...pauses.keys()]);
          expect(most).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  test('begins nothing after a failure, and waits for what was begun', async () => {
    const { begun, ends, work } = controlled();
    let over = false;
    const all = inParallel([1, 2, 3, 4], 2, work).finally(() => (over = true));
    all.catch(() => {});
    await settled();
    ends.get(1)?.reject(new Error('no'));
    await settled();
    expect([begun, over]).toEqual([[1, 2], false]);
    ends.get(2)?.resolve();
    await expect(all).rejects.toThrow('no');
  });

  test('waits for what was begun when the items cannot be read, too', async () => {
    const { ends, work } = controlled();
    let over = false;
    const all = inParallel(
      (async function* () {
        yield 1;
        throw new Error('no more');
      })(),
      2,
      work,
    ).finally(() => (over = true));
    all.catch(() => {});
    await settled();
    expect(over).toBe(false);
    ends.get(1)?.resolve();
    await expect(all).rejects.toThrow('no more');
  });
});
