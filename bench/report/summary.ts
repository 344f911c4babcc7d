import type { Quantiles, Row } from '../row.js';

/** Rows of one measurement over its repeats: each figure is the median of theirs, of losses and doubles the most. */
export interface Summary {
  readonly system: string;
  readonly class: Row['class'];
  readonly version: string;
  readonly workload: string;
  readonly variant: string | undefined;
  readonly inFlight: number | undefined;
  readonly rate: number | undefined;
  readonly lateMs: Row['lateMs'];
  readonly repeats: number;
  readonly sagasPerSecond: number;
  readonly slowest: number;
  readonly fastest: number;
  readonly stepsPerSaga: number | undefined;
  readonly sagaMs: Quantiles;
  readonly stepMs: Quantiles | undefined;
  /** CPU seconds of each process, and `total`, for 1,000 completed sagas. */
  readonly cpu: Readonly<Record<string, number>>;
  readonly rssMb: Readonly<Record<string, number>>;
  readonly perStep: Readonly<Partial<Record<PerStep, number>>>;
  readonly loopDelayMs: number | undefined;
  readonly figures: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

export type PerStep = 'cpuMicros' | 'commits' | 'walBytes' | 'kafkaRequests';

/** One summary for each system, workload and load, in the order in which they first appear. */
export function summarize(rows: readonly Row[]): Summary[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = [row.system, row.workload, row.variant, row.inFlight].join('|');
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) => (group[0] ? [summaryOf(group[0], group)] : []));
}

function summaryOf(first: Row, rows: readonly Row[]): Summary {
  const speeds = rows.map(({ sagasPerSecond }) => sagasPerSecond);
  const steps = rows.flatMap(({ stepMs }) => stepMs ?? []);
  const late = rows.flatMap(({ lateMs }) => lateMs ?? []);
  const figures = rows.map(({ figures = {} }) => figures);
  return {
    system: first.system,
    class: first.class,
    version: first.version,
    workload: first.workload,
    variant: first.variant,
    inFlight: first.inFlight,
    rate: first.rate === undefined ? undefined : median(rows.map(({ rate }) => rate ?? 0)),
    lateMs:
      late.length > 0
        ? { p50: median(late.map(({ p50 }) => p50)), p99: median(late.map(({ p99 }) => p99)) }
        : undefined,
    repeats: rows.length,
    sagasPerSecond: median(speeds),
    slowest: Math.min(...speeds),
    fastest: Math.max(...speeds),
    stepsPerSaga: first.stepsPerSaga,
    sagaMs: medianQuantiles(rows.map(({ sagaMs }) => sagaMs)),
    stepMs: steps.length > 0 ? medianQuantiles(steps) : undefined,
    cpu: mediansOf(rows.map(cpuPerThousand)),
    rssMb: mediansOf(rows.map(({ rssMb }) => rssMb)),
    perStep: mediansOf(rows.map(perStep)),
    loopDelayMs: medianOrNone(rows.flatMap(({ eventLoopDelayMs }) => eventLoopDelayMs?.p99 ?? [])),
    figures: { ...mediansOf(figures), ...worstOf(figures) },
    notes: [...new Set(rows.flatMap(({ notes = [] }) => notes))],
  };
}

function cpuPerThousand({ cpuSeconds, completed }: Row): Record<string, number> {
  const each = Object.entries(cpuSeconds).map(
    ([name, seconds]) => [name, (seconds / completed) * 1_000] as const,
  );
  if (each.length === 0 || completed === 0) return {};
  return { ...Object.fromEntries(each), total: each.reduce((sum, [, seconds]) => sum + seconds, 0) };
}

function perStep(row: Row): Partial<Record<PerStep, number>> {
  const { stepsPerSaga, completed, commits, walBytes, kafkaRequests } = row;
  const steps = (stepsPerSaga ?? 0) * completed;
  const cpu = Object.values(row.cpuSeconds).reduce((sum, seconds) => sum + seconds, 0);
  if (steps === 0) return {};
  return {
    ...(cpu > 0 && { cpuMicros: (cpu / steps) * 1_000_000 }),
    ...(commits !== undefined && { commits: commits / steps }),
    ...(walBytes !== undefined && { walBytes: walBytes / steps }),
    ...(kafkaRequests !== undefined && { kafkaRequests: kafkaRequests / steps }),
  };
}

/** Of the middle two, the mean; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

function medianOrNone(values: readonly number[]): number | undefined {
  return values.length > 0 ? median(values) : undefined;
}

function mediansOf(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return Object.fromEntries(
    names.map((name) => [name, median(records.flatMap((record) => record[name] ?? []))]),
  );
}

/** What must never be: a median would hide it. */
const NEVER = ['lost', 'doubles', 'missing'];

function worstOf(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const found = NEVER.map((name) => [name, records.flatMap((record) => record[name] ?? [])] as const);
  return Object.fromEntries(
    found.flatMap(([name, values]) => (values.length === 0 ? [] : [[name, Math.max(...values)]])),
  );
}

function medianQuantiles(all: readonly Quantiles[]): Quantiles {
  const of = (name: keyof Quantiles): number => median(all.map((each) => each[name]));
  return { p50: of('p50'), p99: of('p99'), p999: of('p999'), max: of('max') };
}
