import { join } from 'node:path';
import { compareWalks } from './compare-walks.js';
import { rulesAt } from './rules.js';
import { SHAPES } from './shapes.js';
import { tellMeetings, tellWalk, walkAll } from './walk-all.js';

// `npm run verify:deep`: every shape to its end; then, that what these walks forget changes nothing.
const rules = await rulesAt(join(import.meta.dirname, '..', '..'));
const began = performance.now();
const seconds = (): string => ((performance.now() - began) / 1000).toFixed(0);

const budget = { states: Infinity, milliseconds: Infinity };
const { walks, states, meetings } = walkAll(rules, budget, (walk) => console.log(tellWalk(walk)));
const open = walks.filter(({ exhausted }) => !exhausted);
const never = meetings.never();
console.log(`\n${tellMeetings(meetings)}\n`);
console.log(
  `${states} states, ${walks.length - open.length} of ${walks.length} walks exhausted, ${seconds()} s`,
);
for (const { shape } of open) console.log(`not exhausted: ${shape}`);
if (never.length > 0) console.log(`never met: ${never.join('; ')}`);

console.log('\nthe same without forgetting anything, as far as 160,000 states go:');
const both = SHAPES.map((shape) => {
  const compared = compareWalks(rules, shape, 160_000);
  console.log(`${tellWalk(compared.walk)}: ${compared.verdict}`);
  return compared;
});
const whole = both.filter(({ verdict }) => verdict === 'the same');
const differing = both.filter(({ verdict }) => verdict === 'DIFFERENT');
console.log(
  `\n${whole.length} of ${both.length} shapes reach the same, ${differing.length} differ, ${seconds()} s`,
);
process.exitCode = open.length + never.length + differing.length > 0 ? 1 : 0;
