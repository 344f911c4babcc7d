import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  fileOf,
  hasRow,
  newRunId,
  quantiles,
  readRows,
  runs,
  writeFact,
  writeRow,
} from '../../../bench/row.js';
import { aRow } from './a-row.js';

const row = aRow();
const results = mkdtempSync(join(tmpdir(), 'counterstep-rows-'));
afterAll(() => rmSync(results, { recursive: true }));

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

it('runs are listed in the order in which they began', () => {
  const folder = join(results, 'runs');
  const [later, earlier] = [new Date('2026-03-01T10:00:00Z'), new Date('2026-02-28T23:59:59Z')].map(newRunId);
  for (const run of [later, earlier]) writeFact(run ?? '', 'machine.json', {}, folder);
  expect(runs(folder)).toEqual(['2026-02-28T23-59-59Z', '2026-03-01T10-00-00Z']);
});

it('there are no runs where nothing was measured', () => {
  expect(runs(join(results, 'nothing'))).toEqual([]);
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
