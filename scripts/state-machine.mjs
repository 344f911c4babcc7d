// Makes docs/state-machine.md of the table in libs/core/src/transitions.ts: `npm run docs:state-machine`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_CHANGES, stateChart } from '@counterstep/core';

/** The page as it must stand in the repository. */
export function stateMachinePage() {
  const rows = STATE_CHANGES.map(({ from, to, fact, events, when }) => [
    from ?? '',
    to,
    `\`${fact}\``,
    events.map((event) => `\`${event}\``).join(', '),
    when,
  ]);
  return `# The states of a saga

This page is made by \`npm run docs:state-machine\` of the table in
[transitions.ts](../libs/core/src/transitions.ts); a test compares the two. \`evolve\` refuses every change that is not in
the table, whoever asks for it, so a finished saga stays as it is. The constraints of the database hold the same states
apart: those that go on stand in the table \`saga\`, those that have ended in \`finished_saga\`.

\`\`\`mermaid
${stateChart()}\`\`\`

An arrow says which fact of the history makes the change. The events that may lead to it:

${table(['from', 'to', 'fact', 'events', 'when'], rows)}

Beside its state a saga has a direction, \`forward\` or \`undo\`, and the end that it aims at: \`completed\` going forward,
\`compensated\` or \`cancelled\` once it has turned. It turns once at most, and never back. It ends as it aims, or \`failed\`:
then a person decided that effects stay. What a user is shown as the phase (\`paused\`, \`attention\`, \`cancelling\`,
\`compensating\`, \`forward\`) is computed of these, and not stored.
`;
}

/** Columns of one width, as the formatter wants them. */
function table(head, rows) {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells, filler) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column], filler)).join(' | ')} |`;
  return [
    line(head, ' '),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row, ' ')),
  ].join('\n');
}

if (process.argv[1] === import.meta.filename)
  await writeFile(join(import.meta.dirname, '..', 'docs', 'state-machine.md'), stateMachinePage());
