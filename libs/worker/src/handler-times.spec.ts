import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { HandlerTimes } from './handler-times.js';
import { stepHandler } from './handlers.js';

const handler = stepHandler('a.do', { input: z.unknown(), output: z.unknown(), barrier: 'none' }, () => 1);
let times: HandlerTimes;

function learn(...runs: readonly number[]): number {
  for (const ms of runs) times.learn(handler, ms);
  return times.expected(handler);
}

describe('what a handler is expected to take', () => {
  beforeEach(() => {
    times = new HandlerTimes();
  });

  test('is five milliseconds before its first run, and what that took after it', () => {
    expect(times.expected(handler)).toBe(5);
    expect(learn(2)).toBe(2);
  });

  test('does not rise with one slow run', () => {
    expect(learn(1, 1, 50)).toBe(1);
    expect(learn(1, 1)).toBe(1);
  });

  test('is what both took after two slow runs', () => {
    expect(learn(1, 50, 40)).toBe(40);
  });

  test('falls by an eighth of the difference with each fast run', () => {
    expect(learn(9, 1)).toBe(8);
    expect(learn(1)).toBe(8 - 7 / 8);
  });
});
