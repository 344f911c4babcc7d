import { SYSTEM } from '../row.js';
import { GOALS, verdictOf } from './goals.js';
import { shown, shownAll } from './numbers.js';
import type { Results } from './results.js';
import type { Summary } from './summary.js';

/** Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function goalsTable(results: Results): string {
  const rows = GOALS.map((goal) => {
    const measured = goal.measured(results);
    const sign = goal.bound === 'atLeast' ? '≥' : '≤';
    const unit = goal.unit === '' || goal.unit === 'x' ? goal.unit : ` ${goal.unit}`;
    const verdict = verdictOf(goal, measured);
    return [
      goal.name,
      `${sign} ${shown(goal.goal)}${unit}`,
      goal.stretch === undefined ? '' : `${shown(goal.stretch)}${unit}`,
      verdict === 'not measured' ? '–' : `${shown(measured)}${unit}`,
      verdict === 'missed' ? '**missed**' : verdict,
    ];
  });
  return table(['what', 'goal', 'stretch', 'measured', ''], rows);
}

/** What a load is called in a table. */
export function loadOf({ variant, inFlight, rate }: Summary): string {
  const parts = [
    variant,
    inFlight === undefined ? undefined : `${shown(inFlight)} in flight`,
    rate === undefined ? undefined : `${shown(rate)} sagas/s`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

export function loadsTable(summaries: readonly Summary[], withWorkload = false): string {
  const head = [
    ...(withWorkload ? ['workload'] : []),
    'load',
    'sagas/s',
    'steps/s',
    'saga ms: p50 / p99 / p99.9',
    'step ms: p50 / p99 / p99.9',
    'starts late by, ms: p50 / p99',
    'event loop delay p99, ms',
    'repeats (slowest to fastest sagas/s)',
  ];
  const rows = summaries.map((summary) => [
    ...(withWorkload ? [summary.workload] : []),
    loadOf(summary),
    shown(summary.sagasPerSecond),
    shown(summary.sagasPerSecond * (summary.stepsPerSaga ?? NaN)),
    shownAll([summary.sagaMs.p50, summary.sagaMs.p99, summary.sagaMs.p999]),
    shownAll([summary.stepMs?.p50, summary.stepMs?.p99, summary.stepMs?.p999]),
    summary.lateMs === undefined ? '' : shownAll([summary.lateMs.p50, summary.lateMs.p99]),
    shown(summary.loopDelayMs),
    `${summary.repeats} (${shown(summary.slowest)} to ${shown(summary.fastest)})`,
  ]);
  return table(head, rows);
}

const PROCESSES = ['orchestrator', 'worker', 'kafka', 'postgres'];

export function costsTable(summaries: readonly Summary[]): string {
  const head = [
    'workload',
    'load',
    `CPU s per 1,000 sagas: ${PROCESSES.join(' / ')}`,
    'in total',
    'CPU µs per step',
    'WAL B per step',
    'commits per step',
    'Kafka requests per step',
    `MB: ${PROCESSES.join(' / ')}`,
  ];
  const rows = summaries
    .filter(({ cpu }) => cpu['total'] !== undefined)
    .map((summary) => [
      summary.workload,
      loadOf(summary),
      shownAll(PROCESSES.map((name) => summary.cpu[name])),
      shown(summary.cpu['total']),
      shown(summary.perStep.cpuMicros),
      shown(summary.perStep.walBytes),
      shown(summary.perStep.commits),
      shown(summary.perStep.kafkaRequests),
      shownAll(PROCESSES.map((name) => summary.rssMb[name])),
    ]);
  return table(head, rows);
}

/** What only some workloads have. */
export function figuresTable(summaries: readonly Summary[]): string {
  const rows = summaries.flatMap((summary) =>
    Object.entries(summary.figures).map(([name, figure]) => [
      summary.workload,
      summary.variant ?? '',
      FIGURES[name] ?? name,
      shown(figure),
    ]),
  );
  return rows.length === 0 ? '' : table(['workload', 'load', 'figure', ''], rows);
}

const FIGURES: Readonly<Record<string, string>> = {
  timers: 'timers that wait at the same time',
  lateP50Ms: 'lateness p50, ms',
  lateP99Ms: 'lateness p99, ms',
  lateP999Ms: 'lateness p99.9, ms',
  lateMaxMs: 'lateness at most, ms',
  finishedBefore: 'finished sagas in the store',
  firstCompletionMs: 'first completion after the kill, ms',
  lost: 'accepted sagas that did not end',
  effects: 'effects',
  doubles: 'effects that happened twice',
  missing: 'effects that are missing',
  idleCpuPercent: 'idle orchestrator, % of a core',
  idleWorkerCpuPercent: 'idle worker, % of a core',
};

export function limitsTable(results: Results): string {
  const names = [...new Set(results.limits.map(({ limit }) => limit))];
  const rows = names.flatMap((limit) => {
    const of = results.limits.filter((each) => each.limit === limit);
    const absent = of.flatMap(({ absent }) => absent ?? []);
    const figures = [...new Set(of.flatMap(({ figures }) => Object.keys(figures)))];
    return [
      ...figures.map((name) => [LIMITS[limit], name, shown(results.limit(limit, name)), String(of.length)]),
      ...absent.slice(0, 1).map((why) => [LIMITS[limit], 'absent', why, '']),
    ];
  });
  return table(['limit', '', '', 'repeats'], rows);
}

export const LIMITS = {
  fsync: 'pg_test_fsync, 8 kB',
  T1: 'pgbench, one commit per step, commits/s',
  Tb: 'our commit statement alone, transitions/s',
  echo: 'kafkajs echo over two topics, no database, echoes/s',
} as const;

export function peersTable(results: Results): string {
  const rows = results.systems().flatMap((system) => {
    const best = results.bestBeside(system);
    if (!best) return [];
    const [at64, alone] = [results.closedBeside(system, 64), results.closedBeside(system, 1)];
    return [
      [
        `${system} ${best.version}`,
        best.class,
        `${shown(best.sagasPerSecond)} (${shown(best.inFlight)})`,
        againstIt(results, system, best),
        shown(at64?.sagasPerSecond),
        shownAll([at64?.sagaMs.p50, at64?.sagaMs.p99]),
        shown(alone?.sagaMs.p50),
        shown(best.cpu['total']),
        String(best.repeats),
      ],
    ];
  });
  const absent = results.absent.map(({ system, version, absent: why }) => [
    `${system} ${version}`,
    `absent: ${why.replaceAll(/[|\n]/g, ' ')}`,
    ...Array.from({ length: 7 }, () => ''),
  ]);
  return table(
    [
      'system',
      'class',
      'sagas/s at its best (in flight)',
      'ours against it',
      'sagas/s, 64 in flight',
      'p50 / p99 ms, 64 in flight',
      'p50 ms, one at a time',
      'CPU s per 1,000 sagas, at its best',
      'repeats',
    ],
    [...rows, ...absent],
  );
}

/** Ours over Kafka; beside a system whose steps run in its own process, ours of that class too. */
function againstIt(results: Results, system: string, { class: kind, sagasPerSecond }: Summary): string {
  if (system.startsWith(SYSTEM)) return '';
  const ours = results.systems().filter((name) => name.startsWith(SYSTEM));
  const ratioOf = (name: string): string => {
    const best = results.bestBeside(name)?.sagasPerSecond;
    return best === undefined ? '' : `${shown(best / sagasPerSecond)}x`;
  };
  const alike = ours.find((name) => name !== SYSTEM && results.bestBeside(name)?.class === kind);
  return [ratioOf(SYSTEM), ...(alike === undefined ? [] : [`(in process ${ratioOf(alike)})`])].join(' ');
}
