import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Deadline } from './deadline.js';

describe('the deadline of an attempt', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('aborts after the timeout, counted from its last extension', () => {
    const deadline = new Deadline();
    deadline.begin(100);
    jest.advanceTimersByTime(99);
    deadline.extend(100);
    jest.advanceTimersByTime(99);
    deadline.extend(50);
    jest.advanceTimersByTime(49);
    expect(deadline.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(deadline.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  test('begins when it was not extended before', () => {
    const deadline = new Deadline();
    deadline.extend(200);
    deadline.begin(100);
    jest.advanceTimersByTime(199);
    expect(deadline.reason).toBeUndefined();
    jest.advanceTimersByTime(1);
    expect(deadline.reason).toMatchObject({ name: 'TimeoutError' });
  });

  test.each<[string, (deadline: Deadline) => void]>([
    ['cleared', (deadline) => deadline.clear()],
    ['aborted', (deadline) => deadline.abort(new Error('other'))],
    ['past', () => jest.advanceTimersByTime(100)],
  ])('cannot be extended once it is %s', (_, end) => {
    const deadline = new Deadline();
    deadline.begin(100);
    end(deadline);
    const { reason } = deadline.signal;
    deadline.extend(1_000);
    expect(jest.getTimerCount()).toBe(0);
    expect(deadline.signal.reason).toBe(reason);
  });

  test('keeps the first reason that it is aborted for, whoever asks for its signal then', () => {
    const deadline = new Deadline();
    deadline.abort('first');
    deadline.abort('second');
    deadline.begin(100);
    expect(deadline.signal.reason).toBe('first');
    expect(jest.getTimerCount()).toBe(0);
  });

  test('gives a handler up only so long after the signal was aborted, extended or not', async () => {
    const deadline = new Deadline();
    deadline.begin(100);
    let settled: unknown;
    const outcome = deadline.orGiveUp(new Promise(() => undefined), 30).catch((error: unknown) => {
      settled = error;
    });
    await jest.advanceTimersByTimeAsync(90);
    deadline.extend(100);
    await jest.advanceTimersByTimeAsync(129);
    expect(settled).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    await outcome;
    expect(settled).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
