import { describe, expect, test } from '@jest/globals';
import { line, sum, totalsOf } from '../../scripts/totals.mjs';

const report = {
  numPassedTests: 7,
  numFailedTests: 0,
  numPendingTests: 2,
  numTodoTests: 1,
  numRuntimeErrorTestSuites: 0,
};

describe('the totals of one run', () => {
  test('count passed tests, and skipped ones with those still to be written', () => {
    expect(totalsOf(report, 0)).toEqual({ passed: 7, failed: 0, skipped: 3 });
  });

  test('count a suite that does not start as a failure', () => {
    expect(totalsOf({ ...report, numFailedTests: 2, numRuntimeErrorTestSuites: 1 }, 1).failed).toBe(3);
  });

  test('count a run without a report as a failure', () => {
    expect(totalsOf(undefined, 137)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  test('count a run that fails after its tests passed as a failure', () => {
    expect(totalsOf(report, 1)).toEqual({ passed: 7, failed: 1, skipped: 3 });
  });

  test('count a run in which nothing ran as a failure', () => {
    expect(totalsOf({ ...report, numPassedTests: 0 }, 0).failed).toBe(1);
  });
});

test('the totals of all runs stand in one line', () => {
  const all = sum([totalsOf(report, 0), { passed: 405, failed: 0, skipped: 0 }]);
  expect(line(all)).toBe('tests: 412 passed, 0 failed, 3 skipped');
});
