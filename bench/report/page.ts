import { chartsOf } from './charts.js';
import type { Results } from './results.js';
import { costsTable, figuresTable, goalsTable, limitsTable, loadsTable, peersTable } from './tables.js';

const [BEGIN, END] = ['<!-- measured: made by npm run bench:report -->', '<!-- end of measured -->'];
const OTHERS = ['W2', 'W3', 'W4', 'W5', 'W6', 'W7', 'W8', 'W9', 'W13'];

/** The page with its measured part made anew; throws when it has no markers. */
export function withMeasured(page: string, measured: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`the page needs the markers ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${measured}\n\n${page.slice(end)}`;
}

/** What was measured, in Markdown. `runs` name the rows that it is made from. */
export function measuredPart(results: Results, runs: readonly string[]): string {
  const charts = chartsOf(results);
  const chart = (name: string, words: string): string =>
    charts.has(name) ? `![${words}](performance/${name})` : '';
  const w1 = results.of('W1');
  const others = OTHERS.flatMap((workload) => results.of(workload));
  const notes = [
    ...new Set(
      [...w1, ...others].flatMap(({ workload, notes }) => notes.map((note) => `${workload}: ${note}`)),
    ),
  ];
  const parts = [
    machineLine(results, runs),
    '### Goals',
    goalsTable(results),
    ...(results.systems().length > 0
      ? [
          '### Beside others',
          'W1, interleaved in one run, each system alone on the machine and tuned by its own documentation. Systems with in-process steps have no worker process and no message between: they are another class.',
          chart('peers.svg', 'Sagas per second of each system'),
          peersTable(results),
        ]
      : []),
    ...(w1.length > 0
      ? [
          '### W1: three steps',
          chart('throughput.svg', 'Sagas per second by sagas in flight'),
          loadsTable(w1),
          chart('cpu.svg', 'CPU per step by process'),
        ]
      : []),
    ...(others.length > 0 ? ['### The other workloads', loadsTable(others, true), figuresTable(others)] : []),
    ...(w1.length + others.length > 0 ? ['### What it costs', costsTable([...w1, ...others])] : []),
    ...(charts.has('flame-orchestrator.svg')
      ? [
          '### Where the CPU goes',
          'Callers above, what they called below; as wide as the time it took. Opened by itself, a drawing tells the share of each box under the pointer.',
          chart('flame-orchestrator.svg', "Flame graph of the orchestrator's CPU"),
          chart('flame-worker.svg', "Flame graph of the worker's CPU"),
        ]
      : []),
    ...(results.limits.length > 0
      ? ['### Limits', chart('limits.svg', 'Steps per second beside the limits'), limitsTable(results)]
      : []),
    ...(notes.length > 0
      ? ['### Notes of the measurements', notes.map((note) => `- ${note}`).join('\n')]
      : []),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function machineLine({ machine }: Results, runs: readonly string[]): string {
  if (!machine) return 'Nothing was measured yet.';
  const { cores, cpu, gib, node, servers, durability, counterstep } = machine;
  return [
    `Measured on ${cores} cores (${cpu}), ${gib} GiB, with everything on this one machine: Counterstep ${counterstep}, Node ${node}, ${servers.join(', ')}.`,
    `${durability}. Figures are medians over the repeats; the rows are in [rows.json](performance/rows.json) (${runs.length === 1 ? 'run' : 'runs'} ${runs.join(', ')}).`,
  ].join(' ');
}
