import { describe, expect, test } from '@jest/globals';
import { SharedReads } from './shared-reads.js';

describe('shared reads', () => {
  test('serve all who asked before they began, and nobody who asked later', async () => {
    let reads = 0;
    const answers: (() => void)[] = [];
    const shared = new SharedReads(() => {
      const number = ++reads;
      return new Promise<number>((resolve) => answers.push(() => resolve(number)));
    });
    const first = [shared.read('t'), shared.read('t')];
    await Promise.resolve();
    await Promise.resolve();
    expect(reads).toBe(1);
    const later = [shared.read('t'), shared.read('t')];
    answers[0]?.();
    expect(await Promise.all(first)).toEqual([1, 1]);
    for (let i = 0; answers.length < 2 && i < 400; i++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    answers[1]?.();
    expect(await Promise.all(later)).toEqual([2, 2]);
  });

  test('a failed read fails those who shared it, and the next is made anew', async () => {
    let reads = 0;
    const shared = new SharedReads(() =>
      ++reads === 1 ? Promise.reject(new Error('away')) : Promise.resolve(reads),
    );
    await expect(shared.read('t')).rejects.toThrow('away');
    expect(await shared.read('t')).toBe(2);
  });
});
