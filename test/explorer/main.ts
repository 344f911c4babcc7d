import { join } from 'node:path';
import { rulesAt } from './rules.js';
import { SHAPES } from './shapes.js';
import { tellMeetings, tellWalk, walkAll } from './walk-all.js';

// `npm run verify:deep`: every shape to its end, and those that are too large for so many minutes as are given.
const minutes = Number(process.argv[2] ?? 2);
const rules = await rulesAt(join(import.meta.dirname, '..', '..'));
const budget = { states: Infinity, milliseconds: Infinity, millisecondsOfLarge: minutes * 60_000 };
const began = performance.now();
const { walks, states, meetings } = walkAll(rules, budget, (walk) => console.log(tellWalk(walk)));
const seconds = (performance.now() - began) / 1000;
const large = new Set(SHAPES.filter((shape) => shape.large).map(({ name }) => name));
const broken = walks.filter(({ counterexample }) => counterexample);
const open = walks.filter(({ exhausted, counterexample }) => !exhausted && !counterexample);
const missed = open.filter(({ shape }) => !large.has(shape));
const never = meetings.never();
const whole = walks.filter(({ exhausted }) => exhausted).length;
console.log(`\n${tellMeetings(meetings)}\n`);
console.log(`${states} states in ${seconds.toFixed(0)} s, ${whole} of ${walks.length} walks exhausted`);
for (const { shape } of open) console.log(`not exhausted: ${shape}`);
if (never.length > 0) console.log(`never met: ${never.join('; ')}`);
process.exitCode = broken.length + missed.length + never.length > 0 ? 1 : 0;
