import { connections, echoes, inBatch } from '../limits/limit.js';
import type { LimitName } from '../limits/limit.js';
import { SYSTEM } from '../row.js';
import { barChart } from './chart.js';
import type { Bar, Chart } from './chart.js';
import { flameGraph } from './flame-graph.js';
import { shown, shownAll } from './numbers.js';
import type { Results } from './results.js';

const PARTS = ['orchestrator', 'worker', 'kafka', 'postgres'];

/** The charts that there are figures for, by the name of their file. */
export function chartsOf(results: Results): Map<string, string> {
  const all = {
    peers: peers(results),
    throughput: throughput(results),
    cpu: cpu(results),
    limits: limits(results),
  };
  const drawn = Object.entries(all).filter(([, { bars }]) => bars.length > 1);
  const flames = Object.entries(results.flames).map(([name, flame]): [string, string] => [
    `flame-${name}.svg`,
    flameGraph(`W1, 4,000 in flight: where the CPU of the ${name} goes`, flame),
  ]);
  return new Map([
    ...drawn.map(([name, chart]): [string, string] => [`${name}.svg`, barChart(chart)]),
    ...flames,
  ]);
}

function peers(results: Results): Chart {
  const bars = results.systems().flatMap((system): Bar[] => {
    const best = results.bestBeside(system);
    const text = `${shown(best?.sagasPerSecond)}  (${shown(best?.inFlight)} in flight)`;
    return best
      ? [
          {
            label: labelOf(system, best.class),
            values: [best.sagasPerSecond],
            text,
            isOurs: system.startsWith(SYSTEM),
          },
        ]
      : [];
  });
  return {
    title: 'Sagas per second, each system at its best',
    subtitle: 'three steps that do nothing; one machine, fsync on; longer is better',
    bars,
  };
}

function labelOf(system: string, kind: string): string {
  return kind === 'in-process steps' && !system.startsWith(SYSTEM) ? `${system} (in process)` : system;
}

function throughput(results: Results): Chart {
  const closed = results.closedLoops();
  return {
    title: 'W1: sagas per second by sagas in flight',
    subtitle: 'closed loop; behind the bar the latency of a saga, p50 / p99 ms; longer is better',
    bars: closed.map(({ inFlight, sagasPerSecond, sagaMs }) => ({
      label: `${shown(inFlight)} in flight`,
      values: [sagasPerSecond],
      text: `${shown(sagasPerSecond)}  (${shownAll([sagaMs.p50, sagaMs.p99])} ms)`,
      isOurs: true,
    })),
  };
}

function cpu(results: Results): Chart {
  // One saga at a time mostly waits: what it costs would hide all others.
  const busy = results
    .closedLoops()
    .filter(({ inFlight = 0, cpu }) => inFlight > 1 && cpu['total'] !== undefined);
  return {
    title: 'W1: CPU per step by process',
    subtitle: 'microseconds; shorter is better',
    parts: PARTS,
    bars: busy.map(({ inFlight, cpu, stepsPerSaga = NaN }) => ({
      label: `${shown(inFlight)} in flight`,
      // Seconds for 1,000 sagas are milliseconds for one.
      values: PARTS.map((part) => ((cpu[part] ?? 0) * 1_000) / stepsPerSaga),
    })),
  };
}

function limits(results: Results): Chart {
  const best = results.best();
  const limit = (label: string, name: LimitName, figure: string): Bar[] => {
    const value = results.limit(name, figure);
    return value === undefined ? [] : [{ label, values: [value] }];
  };
  return {
    title: 'Steps per second beside what the machine can do',
    subtitle: 'each limit measured alone, by turns with W1 on the same servers',
    bars: [
      ...limit('pgbench, commit per step', 'T1', connections(16)),
      ...(best
        ? [
            {
              label: `${SYSTEM}, W1`,
              values: [best.sagasPerSecond * (best.stepsPerSaga ?? NaN)],
              isOurs: true,
            },
          ]
        : []),
      ...limit('our commit alone, by 100', 'Tb', inBatch(100)),
      ...limit('our commit alone, by 500', 'Tb', inBatch(500)),
      ...limit('kafkajs echo', 'echo', echoes(1_000)),
    ],
  };
}
