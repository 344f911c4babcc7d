import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  fileOf,
  hasRow,
  latestRun,
  newRunId,
  quantiles,
  readRows,
  writeFact,
  writeRow,
} from '../../../bench/row.js';
import type { Row } from '../../../bench/row.js';

const results = mkdtempSync(join(tmpdir(), 'counterstep-rows-'));
afterAll(() => rmSync(results, { recursive: true }));

const row: Row = {
  system: 'Counterstep',
  version: '0.1.0',
  class: 'remote steps',
  workload: 'W1',
  inFlight: 64,
  repeat: 1,
  at: '2026-01-01T00:00:00Z',
  sagas: 10,
  completed: 10,
  seconds: 1,
  sagasPerSecond: 10,
  sagaMs: { p50: 1, p99: 2, p999: 3, max: 4 },
  cpuSeconds: {},
  rssMb: {},
  durability: 'fsync on',
  settings: {},
};

describe('rows', () => {
  it('are found again by their key, and by no other', () => {
    writeRow('a', row, results);
    expect(hasRow('a', row, results)).toBe(true);
    expect(hasRow('a', { ...row, repeat: 2 }, results)).toBe(false);
    expect(hasRow('a', { ...row, inFlight: 65 }, results)).toBe(false);
    expect(hasRow('a', { ...row, variant: 'other' }, results)).toBe(false);
    expect(hasRow('b', row, results)).toBe(false);
  });

  it('are read without the other facts of their run', () => {
    writeFact('a', 'machine.json', { cores: 2 }, results);
    expect(readRows('a', results)).toEqual([row]);
  });

  it('have files that any system can have', () => {
    expect(
      fileOf({ system: 'Temporal (remote)', workload: 'W1', variant: 'open loop at 50 %', repeat: 2 }),
    ).toBe('temporal-remote-w1-open-loop-at-50-2.json');
  });
});

it('the latest run is the one that began last', () => {
  writeFact(newRunId(new Date('2026-03-01T10:00:00Z')), 'machine.json', {}, join(results, 'runs'));
  writeFact(newRunId(new Date('2026-02-28T23:59:59Z')), 'machine.json', {}, join(results, 'runs'));
  expect(latestRun(join(results, 'runs'))).toBe('2026-03-01T10-00-00Z');
});

it('there is no latest run where nothing was measured', () => {
  expect(latestRun(join(results, 'nothing'))).toBeUndefined();
});

describe('quantiles', () => {
  it('are the nearest ranks, in whatever order the values come', () => {
    const values = Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
    expect(quantiles(values)).toEqual({ p50: 500, p99: 990, p999: 999, max: 1_000 });
  });

  it('of nothing are 0', () => {
    expect(quantiles([])).toEqual({ p50: 0, p99: 0, p999: 0, max: 0 });
  });
});
