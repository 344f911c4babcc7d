import { explore } from './explore.js';
import type { Walk } from './explore.js';
import { Meetings } from './meetings.js';
import type { Rules } from './rules.js';
import { SHAPES, SMALL } from './shapes.js';
import type { Shape } from './shapes.js';
import type { Bus } from './world.js';

export interface Budget {
  /** Over all walks together. */
  readonly states: number;
  readonly milliseconds: number;
}

export interface Result {
  readonly walks: readonly Walk[];
  readonly states: number;
  readonly meetings: Meetings;
}

const WALKS: readonly { shape: Shape; bus: Bus }[] = [
  ...SMALL.map((shape) => ({ shape, bus: 'honest engine' as const })),
  ...SHAPES.map((shape) => ({ shape, bus: 'any time' as const })),
];

/** Walks every shape, each for its share of what the others have left of the budget. */
export function walkAll(rules: Rules, budget: Budget, tell: (walk: Walk) => void): Result {
  const meetings = new Meetings();
  const until = performance.now() + budget.milliseconds;
  const walks: Walk[] = [];
  let left = budget.states;
  for (const [index, { shape, bus }] of WALKS.entries()) {
    const others = WALKS.length - index;
    const now = performance.now();
    const limits = { states: Math.ceil(left / others), until: now + (until - now) / others };
    const walk = explore(rules, shape, bus, limits, meetings);
    left -= walk.states;
    walks.push(walk);
    tell(walk);
  }
  return { walks, states: walks.reduce((sum, walk) => sum + walk.states, 0), meetings };
}

/** One line for people; a counterexample is told step by step. */
export function tellWalk(walk: Walk): string {
  const { shape, bus, states, moves, exhausted, milliseconds, counterexample } = walk;
  const end = counterexample ? 'COUNTEREXAMPLE' : exhausted ? 'exhausted' : 'not exhausted';
  const line = `${shape} (${bus}): ${states} states, ${moves} moves, ${end}, ${milliseconds} ms`;
  if (!counterexample) return line;
  const steps = counterexample.trace.map((words, index) => `  ${index + 1}. ${words}`);
  return [line, `  ${counterexample.message}`, ...steps].join('\n');
}

export function tellMeetings(meetings: Meetings): string {
  return [...meetings.counts].map(([name, times]) => `${name}: ${times}`).join('\n');
}
