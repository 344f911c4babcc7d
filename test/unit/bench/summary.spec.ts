import { describe, expect, it } from '@jest/globals';
import { median, summarize } from '../../../bench/report/summary.js';
import { aRow } from './a-row.js';

describe('a summary', () => {
  it('has the medians of the repeats, and how far they lie apart', () => {
    const [summary, ...others] = summarize([
      aRow({ repeat: 1, sagasPerSecond: 900 }),
      aRow({ repeat: 2, sagasPerSecond: 1_500 }),
      aRow({ repeat: 3, sagasPerSecond: 1_000 }),
    ]);
    expect(others).toEqual([]);
    expect(summary).toMatchObject({ repeats: 3, sagasPerSecond: 1_000, slowest: 900, fastest: 1_500 });
  });

  it('is made for each system, workload, variant and load', () => {
    const rows = [
      aRow(),
      aRow({ inFlight: 1 }),
      aRow({ workload: 'W2' }),
      aRow({ system: 'DBOS' }),
      aRow({ variant: 'full' }),
    ];
    expect(summarize(rows)).toHaveLength(5);
  });

  it('counts costs by completed sagas and by steps', () => {
    const [summary] = summarize([aRow({ sagas: 2_000, completed: 1_000 })]);
    expect(summary?.cpu['orchestrator']).toBeCloseTo(0.1);
    expect(summary?.cpu['total']).toBeCloseTo(0.3);
    expect(summary?.perStep.cpuMicros).toBeCloseTo(100);
    expect(summary?.perStep.walBytes).toBe(1_000);
    expect(summary?.perStep.commits).toBe(0.01);
    expect(summary?.perStep.kafkaRequests).toBe(0.02);
  });

  it('tells the most that was lost or doubled in any repeat', () => {
    const rows = [0, 3, 0].map((lost, index) =>
      aRow({ repeat: index + 1, figures: { lost, doubles: 0, firstCompletionMs: 100 * lost } }),
    );
    expect(summarize(rows)[0]?.figures).toEqual({ lost: 3, doubles: 0, firstCompletionMs: 0 });
  });

  it('leaves out what was not measured', () => {
    const { stepMs: _, walBytes: __, commits: ___, kafkaRequests: ____, ...row } = aRow({ cpuSeconds: {} });
    const [summary] = summarize([row]);
    expect(summary).toMatchObject({ stepMs: undefined, cpu: {}, perStep: {}, loopDelayMs: undefined });
  });
});

describe('the median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});
