import { connections, echoes } from '../limits/limit.js';
import { SYSTEM } from '../row.js';
import type { Results } from './results.js';

export interface Goal {
  readonly name: string;
  readonly unit: string;
  /** `atLeast` or `atMost` this. */
  readonly bound: 'atLeast' | 'atMost';
  readonly goal: number;
  readonly stretch?: number;
  /** Undefined when rows are missing. */
  readonly measured: (results: Results) => number | undefined;
}

export type Verdict = 'beyond the stretch goal' | 'met' | 'missed' | 'not measured';

export function verdictOf({ bound, goal, stretch }: Goal, measured: number | undefined): Verdict {
  if (measured === undefined || Number.isNaN(measured)) return 'not measured';
  const reaches = (wanted: number): boolean =>
    bound === 'atLeast' ? measured >= wanted : measured <= wanted;
  if (!reaches(goal)) return 'missed';
  return stretch !== undefined && reaches(stretch) ? 'beyond the stretch goal' : 'met';
}

function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}

function timesAtBest(peer: string, goal: number, stretch: number): Goal {
  return {
    name: `W1, each at its best: sagas/s against ${peer}`,
    unit: 'x',
    bound: 'atLeast',
    goal,
    stretch,
    measured: (results) =>
      ratio(results.bestBeside(SYSTEM)?.sagasPerSecond, results.bestBeside(peer)?.sagasPerSecond),
  };
}

function timesAt64(peer: string, goal: number, stretch: number): Goal[] {
  const sides = (results: Results) =>
    [results.closedBeside(SYSTEM, 64), results.closedBeside(peer, 64)] as const;
  const lower = (quantile: 'p50' | 'p99'): Goal => ({
    name: `W1, 64 in flight: ${quantile} against ${peer}`,
    unit: 'x',
    bound: 'atMost',
    goal: 1,
    measured: (results) => {
      const [ours, theirs] = sides(results);
      return ratio(ours?.sagaMs[quantile], theirs?.sagaMs[quantile]);
    },
  });
  const faster: Goal = {
    name: `W1, 64 in flight: sagas/s against ${peer}`,
    unit: 'x',
    bound: 'atLeast',
    goal,
    stretch,
    measured: (results) => {
      const [ours, theirs] = sides(results);
      return ratio(ours?.sagasPerSecond, theirs?.sagasPerSecond);
    },
  };
  return [faster, lower('p50'), lower('p99')];
}

function stepsPerSecond(results: Results): number | undefined {
  const best = results.best();
  return best && best.sagasPerSecond * (best.stepsPerSaga ?? NaN);
}

const KILLS = ['kill -9 of the orchestrator', 'kill -9 of the worker'];

function worstKill(results: Results, figure: string): number | undefined {
  const found = KILLS.flatMap((kill) => results.variant('W9', kill)?.figures[figure] ?? []);
  return found.length === KILLS.length ? Math.max(...found) : undefined;
}

/** What was set before anything was measured. */
export const GOALS: readonly Goal[] = [
  timesAtBest('Temporal', 100, 180),
  timesAtBest('DBOS', 15, 20),
  timesAtBest('Restate', 14, 20),
  timesAtBest('dtm durable', 8, 13),
  timesAtBest('dtm default', 5, 8),
  ...timesAt64('Temporal', 40, 60),
  ...timesAt64('DBOS', 5, 7),
  ...timesAt64('Restate', 6, 9),
  ...timesAt64('dtm durable', 3.5, 5),
  timesAtBest('spike', 0.8, 1.1),
  {
    name: 'steps/s against pgbench with one commit per step',
    unit: 'x',
    bound: 'atLeast',
    goal: 1.5,
    stretch: 2.5,
    measured: (results) => ratio(stepsPerSecond(results), results.limit('T1', connections(16))),
  },
  {
    name: 'steps/s against an echo over kafkajs',
    unit: 'x',
    bound: 'atLeast',
    goal: 0.45,
    stretch: 0.65,
    measured: (results) => ratio(stepsPerSecond(results), results.limit('echo', echoes(1_000))),
  },
  {
    name: 'W1 at saturation: commits per step',
    unit: '',
    bound: 'atMost',
    goal: 0.02,
    stretch: 0.005,
    measured: (results) => results.best()?.perStep.commits,
  },
  {
    name: 'W1 at saturation: WAL per step',
    unit: 'B',
    bound: 'atMost',
    goal: 1_200,
    stretch: 800,
    measured: (results) => results.best()?.perStep.walBytes,
  },
  {
    name: 'W1 at saturation: CPU per step, all processes',
    unit: 'µs',
    bound: 'atMost',
    goal: 110,
    stretch: 80,
    measured: (results) => results.best()?.perStep.cpuMicros,
  },
  {
    name: 'W1, 64 in flight: CPU per step, all processes',
    unit: 'µs',
    bound: 'atMost',
    goal: 230,
    stretch: 165,
    measured: (results) => results.closed(64)?.perStep.cpuMicros,
  },
  {
    name: 'W13: step latency p50',
    unit: 'ms',
    bound: 'atMost',
    goal: 4,
    stretch: 2.5,
    measured: (results) => results.of('W13')[0]?.stepMs?.p50,
  },
  {
    name: 'W13: step latency p99',
    unit: 'ms',
    bound: 'atMost',
    goal: 12,
    stretch: 6,
    measured: (results) => results.of('W13')[0]?.stepMs?.p99,
  },
  {
    name: 'W13: idle CPU of the orchestrator',
    unit: '% of a core',
    bound: 'atMost',
    goal: 1,
    measured: (results) => results.of('W13')[0]?.figures['idleCpuPercent'],
  },
  {
    name: 'W8: sagas/s beside a million finished sagas against an empty store',
    unit: 'x',
    bound: 'atLeast',
    goal: 0.97,
    stretch: 1,
    measured: (results) =>
      ratio(results.variant('W8', 'full')?.sagasPerSecond, results.variant('W8', 'empty')?.sagasPerSecond),
  },
  {
    name: 'W7: lateness p99',
    unit: 'ms',
    bound: 'atMost',
    goal: 50,
    stretch: 20,
    measured: (results) => results.of('W7')[0]?.figures['lateP99Ms'],
  },
  {
    name: 'W9: first completion after kill -9',
    unit: 'ms',
    bound: 'atMost',
    goal: 8_000,
    stretch: 3_000,
    measured: (results) => worstKill(results, 'firstCompletionMs'),
  },
  {
    name: 'W9: lost sagas',
    unit: '',
    bound: 'atMost',
    goal: 0,
    measured: (results) => worstKill(results, 'lost'),
  },
  {
    name: 'W9: doubled effects',
    unit: '',
    bound: 'atMost',
    goal: 0,
    measured: (results) => worstKill(results, 'doubles'),
  },
  {
    name: 'W5: memory of the orchestrator',
    unit: 'MB',
    bound: 'atMost',
    goal: 300,
    stretch: 200,
    measured: (results) => results.of('W5')[0]?.rssMb['orchestrator'],
  },
];
