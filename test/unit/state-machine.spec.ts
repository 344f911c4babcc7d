import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FINAL_STATES, STATE_CHANGES } from '@counterstep/core';
import { expect, test } from '@jest/globals';
import { Initial1764000000000 } from '../../libs/store/src/migrations/1764000000000-initial.js';
import { stateMachinePage } from '../../scripts/state-machine.mjs';

test('docs/state-machine.md is what the table of the states gives (npm run docs:state-machine writes it)', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'state-machine.md'), 'utf8');
  expect(page).toBe(stateMachinePage());
});

test('the schema lets in the states of that table: the final ones among the finished, the others among the unfinished', async () => {
  const statements: string[] = [];
  const runner = { query: async (statement: string) => statements.push(statement) };
  await new Initial1764000000000().up(runner as never);
  const statesIn = (table: string): string[] => {
    const statement = statements.find((text) => text.includes(`CREATE TABLE counterstep.${table} (`)) ?? '';
    const list = /state text NOT NULL CHECK \(state IN \(([^)]*)\)\)/.exec(statement)?.[1] ?? '';
    return list.split(', ').map((name) => name.replaceAll("'", ''));
  };
  const all = [...new Set(STATE_CHANGES.map(({ to }) => to))];
  const open = all.filter((state) => !FINAL_STATES.includes(state));
  expect(statesIn('finished_saga').sort()).toEqual([...FINAL_STATES].sort());
  expect(statesIn('saga').sort()).toEqual(open.sort());
});
