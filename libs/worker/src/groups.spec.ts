import { describe, expect, test } from '@jest/globals';
import { Groups } from './groups.js';

/** Groups of numbers, which say what they are expected to take; one below zero is never grouped. */
function harness(slots = 10) {
  const begun: number[][] = [];
  const ends: (() => void)[] = [];
  const refused: number[] = [];
  let wake: () => void = () => undefined;
  const groups = new Groups<number>({
    slots,
    expectedMs: (ms) => (ms < 0 ? undefined : ms),
    perform: (group) => {
      begun.push([...group]);
      wake();
      return new Promise((resolve) => ends.push(resolve));
    },
    refuse: (items) => refused.push(...items),
  });
  const hasBegun = async (count: number): Promise<void> => {
    while (begun.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { groups, begun, ends, refused, hasBegun };
}

describe('groups', () => {
  test('what arrives together runs together', async () => {
    const { groups, begun, hasBegun } = harness();
    for (let i = 0; i < 5; i += 1) groups.push(0.1);
    await hasBegun(1);
    expect(begun).toEqual([[0.1, 0.1, 0.1, 0.1, 0.1]]);
  });

  test('what comes while a group runs makes the next one', async () => {
    const { groups, begun, ends, hasBegun } = harness(1);
    groups.push(0);
    await hasBegun(1);
    for (let i = 1; i <= 3; i += 1) groups.push(i);
    ends[0]?.();
    await hasBegun(2);
    expect(begun).toEqual([[0], [1, 2, 3]]);
  });

  test('slow ones run side by side, as far as there are slots', async () => {
    const { groups, begun, ends, hasBegun } = harness(3);
    for (const ms of [50, 51, 52, 53]) groups.push(ms);
    await hasBegun(3);
    expect(begun).toEqual([[50], [51], [52]]);
    ends[1]?.();
    await hasBegun(4);
    expect(begun[3]).toEqual([53]);
  });

  test('a quick one does not wait for ever behind one that takes longer than expected', async () => {
    const { groups, begun, hasBegun } = harness(2);
    groups.push(0);
    await hasBegun(1);
    groups.push(1);
    // The first never ends.
    await hasBegun(2);
    expect(begun).toEqual([[0], [1]]);
  });

  test('no group is larger than 200, and those that are never grouped run alone', async () => {
    const { groups, begun, hasBegun } = harness();
    for (let i = 0; i < 250; i += 1) groups.push(0);
    groups.push(-1);
    groups.push(-2);
    await hasBegun(4);
    expect(begun.map(({ length }) => length).sort((a, b) => a - b)).toEqual([1, 1, 50, 200]);
  });

  test('closing refuses what waits and what comes', async () => {
    const { groups, begun, ends, refused, hasBegun } = harness(1);
    groups.push(1);
    await hasBegun(1);
    groups.push(2);
    groups.push(-3);
    groups.close();
    groups.push(4);
    ends[0]?.();
    expect(refused).toEqual([-3, 2, 4]);
    expect(begun).toEqual([[1]]);
  });
});
