import { describe, expect, it } from '@jest/globals';
import { absentLimit, limitOf } from '../../../bench/limits/limit.js';
import { barChart } from '../../../bench/report/chart.js';
import { chartsOf } from '../../../bench/report/charts.js';
import { shown, shownAll } from '../../../bench/report/numbers.js';
import { measuredPart, withMeasured } from '../../../bench/report/page.js';
import { Results } from '../../../bench/report/results.js';
import { aRow } from './a-row.js';

const machine = {
  cores: 2,
  cpu: 'a processor',
  gib: 24,
  node: 'v20',
  servers: ['Postgres 18'],
  durability: 'fsync on',
  counterstep: '0.1.0',
};

describe('the report', () => {
  it('replaces the measured part of its page and nothing else', () => {
    const page =
      '# Title\n\n<!-- measured: made by npm run bench:report -->\nold\n<!-- end of measured -->\n\nafter\n';
    const made = withMeasured(page, 'new');
    expect(made).toMatch(/^# Title\n[^]*\n\nnew\n\n[^]*\n\nafter\n$/);
    expect(made).not.toContain('old');
    expect(withMeasured(made, 'new')).toBe(made);
  });

  it('refuses a page without markers', () => {
    expect(() => withMeasured('# Title\n', 'new')).toThrow('markers');
  });

  it('says that nothing was measured when nothing was', () => {
    const text = measuredPart(new Results([]), []);
    expect(text).toContain('Nothing was measured yet.');
    expect(text).not.toContain('svg');
  });

  it('says what was measured on which machine, and with which durability', () => {
    const text = measuredPart(new Results([aRow()], [], [], [], machine), ['a']);
    expect(text).toContain('2 cores (a processor), 24 GiB');
    expect(text).toContain('fsync on');
    expect(text).toContain('| 64 in flight | 1,000 | 3,000 | 20 / 40 / 50 | 5 / 10 / 15 |');
    expect(text).toContain('| 0.1 / 0.1 / 0.05 / 0.05 | 0.3 | 100 | 1,000 | 0.01 | 0.02 |');
  });

  it('says how late the starts of an open loop were', () => {
    const { inFlight: _, ...open } = aRow({ variant: 'open loop', rate: 900 });
    const rows = [1, 2, 3].map((p50) => ({ ...open, repeat: p50, lateMs: { p50, p99: 10 * p50 } }));
    const text = measuredPart(new Results(rows), ['a']);
    expect(text).toContain(
      '| open loop, 900 sagas/s | 1,000 | 3,000 | 20 / 40 / 50 | 5 / 10 / 15 | 2 / 20 |',
    );
  });

  it('names what is absent, peers and limits, and guesses nothing', () => {
    const absent = [{ system: 'Restate', version: '1.7', absent: 'no Node 24' }];
    const limits = [absentLimit('T1', 'pgbench is not installed')];
    const beside = [aRow(), aRow({ system: 'DBOS', class: 'in-process steps', sagasPerSecond: 250 })];
    const text = measuredPart(new Results([], beside, limits, absent), ['a']);
    expect(text).toContain('absent: no Node 24');
    expect(text).toContain('pgbench is not installed');
    expect(text).toContain('| DBOS 0.1.0 | in-process steps | 250 (64) | 4x |');
  });

  it('compares a system whose steps run in process with ours of both classes', () => {
    const kind = { class: 'in-process steps' } as const;
    const beside = [
      aRow(),
      aRow({ ...kind, system: 'Counterstep in process', sagasPerSecond: 1_500 }),
      aRow({ ...kind, system: 'DBOS', sagasPerSecond: 250 }),
      aRow({ system: 'Restate', sagasPerSecond: 200 }),
    ];
    const text = measuredPart(new Results([], beside), ['a']);
    expect(text).toContain('| DBOS 0.1.0 | in-process steps | 250 (64) | 4x (in process 6x) |');
    expect(text).toContain('| Restate 0.1.0 | remote steps | 200 (64) | 5x |');
    expect(text).toContain('| Counterstep in process 0.1.0 | in-process steps | 1,500 (64) |  |');
  });

  it('links only to charts that it draws', () => {
    const rows = [aRow(), aRow({ inFlight: 1_000 })];
    const results = new Results(rows, [], [limitOf('echo', { '1000 in flight': 30_000 })]);
    const linked = [...measuredPart(results, ['a']).matchAll(/\(performance\/(\w+\.svg)\)/g)].map(
      ([, name]) => name,
    );
    expect(linked.sort()).toEqual([...chartsOf(results).keys()].sort());
    expect(linked).toEqual(['cpu.svg', 'limits.svg', 'throughput.svg']);
  });
});

describe('a chart', () => {
  const chart = {
    title: 'a < b',
    subtitle: 'longer is better',
    bars: [
      { label: 'one', values: [50] },
      { label: 'two', values: [100], isOurs: true },
    ],
  };

  it('draws lengths in proportion', () => {
    const widths = [...barChart(chart).matchAll(/class="(?:p0|ours)" [^>]*width="([\d.]+)"/g)].map(
      ([, width]) => Number(width),
    );
    expect(widths).toHaveLength(2);
    expect(widths[1]).toBeCloseTo((widths[0] ?? 0) * 2, 0);
  });

  it('shows ours in the strong colour, and has colours for a dark page', () => {
    const svg = barChart(chart);
    expect(svg.match(/<rect class="ours"/g)).toHaveLength(1);
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  it('has no markup in its words', () => {
    expect(barChart(chart)).toContain('a &lt; b');
  });

  it('lays the parts of a bar end to end', () => {
    const svg = barChart({ ...chart, parts: ['x', 'y'], bars: [{ label: 'one', values: [25, 75] }] });
    const bars = [...svg.matchAll(/class="(ours|p1)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="20"/g)];
    const [first, second] = bars.map(([, , x, width]) => ({ x: Number(x), width: Number(width) }));
    expect(second?.x).toBeCloseTo((first?.x ?? 0) + (first?.width ?? 0), 0);
  });
});

describe('a number', () => {
  it.each([
    [1234.5, '1,235'],
    [12.345, '12.3'],
    [0.01234, '0.0123'],
    [0.001234, '0.0012'],
    [0, '0'],
    [undefined, '–'],
    [NaN, '–'],
  ])('%d is shown as %s', (value, expected) => {
    expect(shown(value)).toBe(expected);
  });

  it('that was not measured does not hide its neighbours', () => {
    expect(shownAll([1, undefined, 3])).toBe('1 / – / 3');
    expect(shownAll([undefined, undefined])).toBe('–');
  });
});
