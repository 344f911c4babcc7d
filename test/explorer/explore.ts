import { Meetings } from './meetings.js';
import { isOver } from './dependency.js';
import type { Rules } from './rules.js';
import type { Shape } from './shapes.js';
import { Numbers, StateTable } from './state-table.js';
import { firstStranded } from './stranded.js';
import type { Edges } from './stranded.js';
import { Violation } from './violation.js';
import { Universe } from './world.js';
import type { Bus } from './world.js';

export interface Limits {
  readonly states: number;
  /** By `performance.now()`. */
  readonly until: number;
  readonly collectTruths?: boolean;
  /** Sagas are told apart by all that they remember, and it is checked that most of that changes nothing: see forget.ts. */
  readonly remembers?: boolean;
}

/** What a walk found. */
export interface Walk {
  readonly shape: string;
  readonly bus: Bus;
  readonly states: number;
  readonly moves: number;
  /** Every state that can be reached was. */
  readonly exhausted: boolean;
  readonly milliseconds: number;
  readonly counterexample?: Counterexample;
  /** When asked for, of a walk that came to its end: what sagas and workers were in together, apart from what was on its way. */
  readonly truths?: ReadonlySet<string>;
}

export interface Counterexample {
  readonly invariant: string;
  readonly message: string;
  /** The shortest way there, in words. */
  readonly trace: readonly string[];
}

/** Walks breadth first, so that the first state that breaks an invariant is as near to the start as any. */
export function explore(
  rules: Rules,
  shape: Shape,
  bus: Bus,
  limits: Limits,
  meetings: Meetings = new Meetings(),
): Walk {
  const began = performance.now();
  const universe = new Universe(rules, shape, bus, meetings, !limits.remembers);
  const table = new StateTable();
  const parents = new Numbers();
  const edges: Edges = { from: new Numbers(), to: new Numbers() };
  let at = 0;
  const walk = (more: Partial<Walk>): Walk => ({
    shape: shape.name,
    bus,
    states: table.size,
    moves: edges.from.length,
    exhausted: false,
    milliseconds: Math.round(performance.now() - began),
    ...more,
  });
  try {
    const first = universe.first();
    table.add(first);
    parents.push(-1);
    universe.check(first);
    for (; at < table.size; at += 1) {
      if (table.size >= limits.states || (at % 256 === 0 && performance.now() > limits.until))
        return walk({});
      universe.next(table.at(at), (state) => {
        const { place, isNew } = table.add(state);
        edges.from.push(at);
        edges.to.push(place);
        if (!isNew) return;
        parents.push(at);
        universe.check(state);
      });
    }
    const stranded = firstStranded(table.size, edges, (place) => isOver(universe.saga(table.at(place))));
    if (stranded !== undefined) {
      at = stranded;
      throw new Violation('way on', 'no end can be reached from here');
    }
    return walk({ exhausted: true, ...(limits.collectTruths && { truths: truthsOf(universe, table) }) });
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const { invariant, message } = error;
    return walk({ counterexample: { invariant, message, trace: traceTo(universe, table, parents, at) } });
  }
}

function truthsOf(universe: Universe, table: StateTable): Set<string> {
  const truths = new Set<string>();
  for (let place = 0; place < table.size; place += 1) truths.add(universe.truth(table.at(place)));
  return truths;
}

/** The way to a state whose successors, or which itself, broke an invariant. */
function traceTo(universe: Universe, table: StateTable, parents: Numbers, last: number): string[] {
  const places = [last];
  for (let place = last; place > 0;) {
    place = parents.at(place);
    places.unshift(place);
  }
  const words = ['the saga is started'];
  for (const [index, place] of places.entries()) {
    const wanted = places[index + 1];
    const goal = wanted === undefined ? undefined : table.at(wanted).join();
    let found: string | undefined;
    try {
      universe.next(table.at(place), (state, move) => {
        if (goal === undefined) universe.check(state);
        else if (state.join() === goal) found ??= move.words();
      });
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      found ??= error.during ?? universe.trying?.words();
    }
    if (found !== undefined) words.push(found);
  }
  return words;
}
