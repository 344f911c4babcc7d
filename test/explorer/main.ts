import { join } from 'node:path';
import { rulesAt } from './rules.js';
import { tellMeetings, tellWalk, walkAll } from './walk-all.js';

// `npm run verify:deep`: every shape to its end.
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
process.exitCode = open.length + never.length > 0 ? 1 : 0;
