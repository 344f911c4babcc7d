import type { SagaState } from '@counterstep/protocol';
import type { SimulatedRun } from './report.js';

/** As far as they occur, the columns. */
const STATES: readonly SagaState[] = [
  'completed',
  'compensated',
  'cancelled',
  'failed',
  'running',
  'pending',
];

/** How the runs ended, a line for each thing that goes wrong in some of them. */
export function tableOf(topics: readonly { readonly about: string; readonly run: SimulatedRun }[]): string[] {
  const states = STATES.filter((state) => topics.some(({ run }) => run.state === state));
  const abouts = [...new Set(topics.map(({ about }) => about))];
  const rows = abouts.map((about) => {
    const runs = topics.filter((topic) => topic.about === about).map(({ run }) => run);
    return [
      about,
      String(runs.length),
      ...states.map((state) => countOf(runs.filter((run) => run.state === state))),
      countOf(runs.filter(({ asked }) => asked.length > 0)),
    ];
  });
  const table = [['what goes wrong', 'sagas', ...states, 'a person is asked'], ...rows];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function countOf(runs: readonly SimulatedRun[]): string {
  return runs.length === 0 ? '' : String(runs.length);
}
