import { byExplorer, byTests } from './catch.js';
import { NO_BUG, SEEDED_BUGS } from './seeded-bugs.js';

// `npm run verify:deep`: every seeded bug, and which of these checks catch it.
const EVERY_CHECK = ['libs/core/src/decide', 'test/unit/memory-barrier', 'test/unit/model.spec'];

const byNothing = byTests(NO_BUG, EVERY_CHECK);
for (const { check, words } of byNothing) console.log(`caught without a bug, by ${check}: ${words}`);

let missed = 0;
const checks = new Set<string>();
for (const bug of SEEDED_BUGS) {
  // The explorer cannot catch a bug that is given a spec, so it is not sent all the way for nothing.
  const walked = bug.spec === undefined ? await byExplorer(bug, [1_000, 8_000]) : undefined;
  const caught = [...(walked ? [walked] : []), ...byTests(bug, EVERY_CHECK)];
  if (caught.length === 0) missed += 1;
  console.log(`${caught.length > 0 ? 'caught' : 'MISSED'}: ${bug.name}`);
  for (const { check, words } of caught) {
    checks.add(check);
    console.log(`  by ${check}: ${words}`);
  }
}
console.log(
  `\n${SEEDED_BUGS.length - missed} of ${SEEDED_BUGS.length} seeded bugs caught, by ${[...checks].sort().join(', ')}`,
);
process.exitCode = missed > 0 || checks.size < 2 || byNothing.length > 0 ? 1 : 0;
