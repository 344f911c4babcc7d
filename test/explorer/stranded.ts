import { Numbers } from './state-table.js';

/** The moves of a walk, each from a state to a state, by their places. */
export interface Edges {
  readonly from: Numbers;
  readonly to: Numbers;
}

/** The first state from which no end can be reached, going back from the ends; undefined when there is none. */
export function firstStranded(
  states: number,
  edges: Edges,
  isEnd: (place: number) => boolean,
): number | undefined {
  const intoState = sourcesOf(states, edges);
  const hasWayOn = new Uint8Array(states);
  const ways = new Numbers();
  const reach = (place: number): void => {
    if (hasWayOn[place] === 1) return;
    hasWayOn[place] = 1;
    ways.push(place);
  };
  for (let place = 0; place < states; place += 1) if (isEnd(place)) reach(place);
  for (let next = 0; next < ways.length; next += 1)
    for (const source of intoState(ways.at(next))) reach(source);
  const stranded = hasWayOn.indexOf(0);
  return stranded === -1 ? undefined : stranded;
}

/** For each state the states before it: the sources of all edges, in the order of where these lead. */
function sourcesOf(states: number, { from, to }: Edges): (place: number) => Int32Array {
  const ends = new Int32Array(states);
  const count = (place: number, by: number): number => (ends[place] = (ends[place] ?? 0) + by);
  for (let edge = 0; edge < to.length; edge += 1) count(to.at(edge), 1);
  for (let place = 1; place < states; place += 1) count(place, ends[place - 1] ?? 0);
  const sources = new Int32Array(to.length);
  // Filled from behind, so that the end of each state's part becomes its start.
  for (let edge = 0; edge < to.length; edge += 1) sources[count(to.at(edge), -1)] = from.at(edge);
  return (place) => sources.subarray(ends[place], ends[place + 1]);
}
