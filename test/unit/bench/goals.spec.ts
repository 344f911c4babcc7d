import { describe, expect, it } from '@jest/globals';
import { limitOf } from '../../../bench/limits/limit.js';
import { GOALS, verdictOf } from '../../../bench/report/goals.js';
import { Results } from '../../../bench/report/results.js';
import { aRow } from './a-row.js';

const measured = (name: string, results: Results): number | undefined => {
  const goal = GOALS.find((each) => each.name.includes(name));
  if (!goal) throw new Error(`no goal '${name}'`);
  return goal.measured(results);
};

describe('a verdict', () => {
  const faster = { name: '', unit: 'x', bound: 'atLeast', goal: 5, stretch: 8, measured: () => 0 } as const;
  const shorter = { name: '', unit: 'ms', bound: 'atMost', goal: 5, stretch: 2, measured: () => 0 } as const;

  it.each([
    [4.9, 'missed'],
    [5, 'met'],
    [7.9, 'met'],
    [8, 'beyond the stretch goal'],
    [undefined, 'not measured'],
    [NaN, 'not measured'],
  ])('of a least bound: %d is %s', (value, expected) => {
    expect(verdictOf(faster, value)).toBe(expected);
  });

  it.each([
    [5.1, 'missed'],
    [5, 'met'],
    [2, 'beyond the stretch goal'],
    [0, 'beyond the stretch goal'],
  ])('of an upper bound: %d is %s', (value, expected) => {
    expect(verdictOf(shorter, value)).toBe(expected);
  });
});

describe('the goals', () => {
  it('are not measured without rows', () => {
    const verdicts = GOALS.map((goal) => verdictOf(goal, goal.measured(new Results([]))));
    expect(new Set(verdicts)).toEqual(new Set(['not measured']));
  });

  it('compare each system at its own best, in the run that measured all', () => {
    const beside = [
      aRow({ inFlight: 64, sagasPerSecond: 2_000 }),
      aRow({ inFlight: 4_000, sagasPerSecond: 7_000 }),
      aRow({ system: 'DBOS', inFlight: 64, sagasPerSecond: 350 }),
      aRow({ system: 'DBOS', inFlight: 8, sagasPerSecond: 300 }),
    ];
    const results = new Results([aRow({ inFlight: 4_000, sagasPerSecond: 9_999 })], beside);
    expect(measured('at its best: sagas/s against DBOS', results)).toBe(20);
    expect(measured('64 in flight: sagas/s against DBOS', results)).toBeCloseTo(5.71);
    expect(measured('64 in flight: p50 against DBOS', results)).toBe(1);
    expect(measured('against Temporal', results)).toBeUndefined();
  });

  it('take what W1 costs at saturation from its fastest closed loop', () => {
    const rows = [
      aRow({ inFlight: 64 }),
      aRow({ inFlight: 1_000, sagasPerSecond: 5_000, commits: 3 }),
      aRow({ variant: 'open loop at 80 %', rate: 9_000, sagasPerSecond: 9_000, commits: 300 }),
    ];
    expect(measured('at saturation: commits per step', new Results(rows))).toBe(0.001);
    expect(measured('64 in flight: CPU per step', new Results(rows))).toBeCloseTo(100);
  });

  it('set steps beside the medians of the limits', () => {
    const limits = [
      limitOf('T1', { '16 connections': 2_000 }),
      limitOf('echo', { '1000 in flight': 30_000 }),
    ];
    const slower = limitOf('T1', { '16 connections': 1_000 });
    const faster = limitOf('T1', { '16 connections': 9_000 });
    const results = new Results([aRow()], [], [slower, ...limits, faster]);
    expect(measured('pgbench', results)).toBe(1.5);
    expect(measured('kafkajs', results)).toBe(0.1);
  });

  it('count the worse of the two kills, and neither when one is missing', () => {
    const kill = (victim: string, figures: Record<string, number>) =>
      aRow({ workload: 'W9', variant: `kill -9 of the ${victim}`, figures });
    const orchestrator = kill('orchestrator', { firstCompletionMs: 3_000, lost: 0, doubles: 0 });
    const worker = kill('worker', { firstCompletionMs: 5_000, lost: 1, doubles: 0 });
    expect(measured('first completion', new Results([orchestrator, worker]))).toBe(5_000);
    expect(measured('lost', new Results([orchestrator, worker]))).toBe(1);
    expect(measured('lost', new Results([orchestrator]))).toBeUndefined();
  });

  it('compare a full store with an empty one', () => {
    const rows = [
      aRow({ workload: 'W8', variant: 'empty', sagasPerSecond: 1_000 }),
      aRow({ workload: 'W8', variant: 'full', sagasPerSecond: 980 }),
    ];
    expect(measured('W8', new Results(rows))).toBe(0.98);
  });
});
