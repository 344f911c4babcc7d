import { describe, expect, test } from '@jest/globals';
import { Backlogs, type BacklogReads } from './backlog.js';

const SECOND = 1_000;

interface Log {
  /** How many messages the group has acknowledged. */
  readonly read?: number;
  readonly end?: number;
  readonly low?: number;
  /** Seconds between two messages. */
  readonly gap?: number;
}

/** One partition with a message every `gap` seconds from 0 on. */
function played({ read, end = 1_000, low = 0, gap = 1 }: Log) {
  const asked: number[] = [];
  let now = 0;
  let positions = 0;
  const reads: BacklogReads = {
    committed: () => {
      positions++;
      return Promise.resolve(new Map(read === undefined ? [] : [[0, read]]));
    },
    ends: () => Promise.resolve(new Map([[0, { low, end }]])),
    firstsSince: (_topic, at) => {
      asked.push(at / SECOND);
      return Promise.resolve(new Map([[0, Math.min(end, Math.max(low, Math.ceil(at / SECOND / gap)))]]));
    },
  };
  const backlogs = new Backlogs(reads, () => now);
  const isWaiting = (second: number, partition = 0): Promise<boolean> =>
    backlogs.isWaiting('g', 't', partition, second * SECOND + 499);
  return { asked, isWaiting, reads, positions: () => positions, pass: (ms: number) => (now += ms) };
}

describe('what a group has not got past', () => {
  test.each([
    ['stands above the time', { read: 500 }, 499, false],
    ['stands at the time', { read: 500 }, 500, true],
    ['stands below the time', { read: 500 }, 501, true],
    ['never committed', {}, 0, true],
    ['never committed, and nothing was published since', { end: 10 }, 10, false],
    ['has read everything', { read: 1_000 }, 1_000, false],
    ['is behind the beginning of the log', { read: 3, low: 100 }, 50, true],
    ['stands below older messages only', { read: 5, end: 10 }, 11, false],
  ])('a group that %s', async (_, log, second, waits) => {
    expect(await played(log).isWaiting(second)).toBe(waits);
  });

  test('a partition that is not there is not waited in', async () => {
    expect(await played({ read: 5 }).isWaiting(500, 1)).toBe(false);
  });

  test('thousands of questions at once are few reads, and each answer is right', async () => {
    for (const order of [(i: number) => i, (i: number) => (i * 7_919) % 1_000]) {
      const { asked, isWaiting, positions } = played({ read: 500 });
      const seconds = Array.from({ length: 1_000 }, (_, i) => order(i));
      const answers = await Promise.all(seconds.map((second) => isWaiting(second)));
      expect(answers).toEqual(seconds.map((second) => second >= 500));
      expect(positions()).toBe(1);
      // In ascending order every time below the position is new; in any other order most follow from others.
      expect(asked.length).toBeLessThan(order(1) === 1 ? 502 : 30);
    }
  });

  test('times between two messages have the answer of the later message', async () => {
    const { isWaiting, asked } = played({ read: 50, gap: 10 });
    expect(await isWaiting(495)).toBe(true);
    expect(await isWaiting(492)).toBe(true);
    expect(await isWaiting(490)).toBe(false);
    expect(await isWaiting(480)).toBe(false);
    expect(asked).toEqual([495, 492, 490]);
  });

  test('an answer is kept for a second', async () => {
    const { isWaiting, pass, positions } = played({ read: 500 });
    await isWaiting(500);
    pass(999);
    await isWaiting(500);
    expect(positions()).toBe(1);
    pass(1);
    await isWaiting(500);
    expect(positions()).toBe(2);
  });

  test('after a read that failed, the questions behind it are not asked', async () => {
    const { isWaiting, reads } = played({ read: 500 });
    let failures = 0;
    Object.assign(reads, {
      firstsSince: () => {
        failures++;
        return Promise.reject(new Error('no broker'));
      },
    });
    const answers = await Promise.allSettled([isWaiting(1), isWaiting(2), isWaiting(3)]);
    expect(answers.map((answer) => answer.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(answers.slice(1).map((answer) => 'value' in answer && answer.value)).toEqual([false, false]);
    expect(failures).toBe(1);
  });
});
