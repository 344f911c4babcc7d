import { expect, test } from '@jest/globals';
import { byExplorer, byTests } from '../explorer/catch.js';
import { NO_BUG, SEEDED_BUGS } from '../explorer/seeded-bugs.js';
import { copyWith } from '../explorer/seeded-copy.js';

const checks = new Set<string>();

test.each(SEEDED_BUGS)(
  'a wrong rule is caught: $name',
  async (bug) => {
    const walked = bug.spec === undefined ? await byExplorer(bug, [1_000, 8_000]) : undefined;
    const caught = bug.spec === undefined ? walked : byTests(bug, [bug.spec])[0];
    if (caught) process.stdout.write(`${bug.name}: caught by ${caught.check}: ${caught.words}\n`);
    expect(caught).toBeDefined();
    checks.add(caught?.check ?? '');
  },
  120_000,
);

test('wrong rules are caught by different checks', () => {
  const bug = SEEDED_BUGS.find(({ name }) => name === 'what is unknown is not undone') ?? NO_BUG;
  const [caught] = byTests(bug, ['test/unit/model.spec.ts']);
  process.stdout.write(`${bug.name}: caught by ${caught?.check}: ${caught?.words}\n`);
  expect(caught?.words).toMatch(/run \d+ differs/);
  expect([...checks, caught?.check].sort()).toEqual(['explorer', 'model', 'unit specs']);
}, 120_000);

test('the right rules are not caught, so what catches a wrong one is not the copy', () => {
  const specs = SEEDED_BUGS.flatMap(({ spec }) => spec ?? []);
  expect(byTests(NO_BUG, specs)).toEqual([]);
}, 120_000);

test('a seeded bug whose place is gone is told, lest it rots', () => {
  const gone = { name: 'gone', file: 'core/src/undo.ts', find: 'no such text', put: '' };
  expect(() => copyWith(gone, 'rules')).toThrow(
    "seeded bug 'gone': its place is 0 times in libs/core/src/undo.ts",
  );
});
