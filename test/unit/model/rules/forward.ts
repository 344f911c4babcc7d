import { contextIn, hasResult, valuesFor } from './context.js';
import { calling, conclude, dropWaits, endWaitIfMay, enterItem, enterMapItem, pathIn } from './entering.js';
import { giveUpRetries } from './sending.js';
import { insideOf, membersIn, partsAt, troublesOf, withAll } from './state.js';
import type { Line, Model, Part } from './state.js';

export type Fate = 'open' | 'good' | 'bad';

/** What has become of a part so far. One that waits for a person is open. */
export function fateOf(model: Model, part: Part): Fate {
  if (part.lost) return 'bad';
  if (!part.taken || part.skipped) return 'good';
  if (troublesOf(model, part.path, 'forward').length > 0) return 'open';
  if (part.said) return part.said === 'succeeded' ? 'good' : 'bad';
  switch (part.member.kind) {
    case 'step':
      if (part.forward.now !== 'over') return 'open';
      return part.forward.word === 'succeeded' ? 'good' : 'bad';
    case 'workflow':
      return part.line && verdict(model, part.line) === 'bad' ? 'bad' : 'open';
    case 'map':
      return badItems(model, part).length > tolerated(part) ? 'bad' : 'open';
    case 'signal':
    case 'sleep':
      return 'open';
  }
}

function badItems(model: Model, map: Part): Part[] {
  return map.items.filter((item) => fateOf(model, item) === 'bad');
}

function tolerated({ member, list }: Part): number {
  if (member.kind !== 'map') return 0;
  if ('count' in member.tolerate) return member.tolerate.count;
  return Math.floor(member.tolerate.fraction * (list?.length ?? 0));
}

/** Whether the present item of a line is over, and how. */
export function verdict(model: Model, line: Line): Fate {
  const item = line.workflow.items[line.at];
  if (!item) return 'good';
  const parts = partsAt(line, line.at);
  const notEntered = membersIn(item).length - parts.length;
  const taken = parts.filter((part) => part.taken);
  const fates = taken.map((part) => fateOf(model, part));
  const count = (fate: Fate): number => fates.filter((each) => each === fate).length;
  const open = count('open') + notEntered;
  const all = taken.length + notEntered;
  const join = item.kind === 'parallel' ? item.join : 'all';
  if (join === 'settle') return open === 0 ? 'good' : 'open';
  let need = all;
  if (join === 'any') need = Math.min(1, all);
  else if (typeof join === 'object') need = Math.min(join.quorum, all);
  if (count('good') >= need) return 'good';
  return count('good') + open < need ? 'bad' : 'open';
}

/** Goes on along a line as far as one can without waiting. */
export function advance(model: Model, line: Line): void {
  for (;;) {
    const item = line.workflow.items[line.at];
    if (!item) return;
    enterItem(model, line);
    // Nothing new begins in a group that is met, or that cannot be met any more.
    for (const part of partsAt(line, line.at)) if (verdict(model, line) === 'open') advancePart(model, part);
    if (verdict(model, line) !== 'good') return;
    for (const part of partsAt(line, line.at)) if (!isGood(model, part)) lose(model, part);
    if (!reduce(model, line)) return;
    line.at += 1;
  }
}

function isGood(model: Model, part: Part): boolean {
  return fateOf(model, part) === 'good';
}

function advancePart(model: Model, part: Part): void {
  if (!part.taken || part.said || part.skipped || fateOf(model, part) === 'bad') return;
  endWaitIfMay(model, part);
  if (part.line) advanceChild(model, part, part.line);
  if (part.list) advanceMap(model, part, part.list);
}

function advanceChild(model: Model, part: Part, line: Line): void {
  advance(model, line);
  const { member } = part;
  if (line.at < line.workflow.items.length || member.kind !== 'workflow') return;
  const made = calling(model, part.path, () => {
    const context = contextIn(line, line.at);
    if (member.output) return { output: JSON.parse(JSON.stringify(member.output.map(context))) as unknown };
    const results = line.parts.filter(hasResult).map((each) => [each.member.name, each.output ?? null]);
    return { output: Object.fromEntries(results) as unknown };
  });
  if (made) conclude(part, 'succeeded', made.output);
}

function advanceMap(model: Model, map: Part, list: readonly unknown[]): void {
  if (map.member.kind !== 'map') return;
  for (const item of map.items) advancePart(model, item);
  for (;;) {
    const running = map.items.filter((item) => fateOf(model, item) === 'open').length;
    if (fateOf(model, map) === 'bad') return;
    for (const item of map.items) if (fateOf(model, item) === 'bad') lose(model, item);
    if (running >= map.member.concurrency) return;
    const index = map.items.length;
    if (index >= list.length) {
      if (running === 0) endMap(model, map);
      return;
    }
    if (!enterMapItem(model, map, index)) return;
    const entered = map.items.at(-1);
    if (entered) advancePart(model, entered);
  }
}

function endMap(model: Model, map: Part): void {
  conclude(
    map,
    'succeeded',
    map.items.map((item) => (isGood(model, item) ? (item.output ?? null) : null)),
  );
}

/** What reducers make of what the members wrote. False when one threw. */
function reduce(model: Model, line: Line): boolean {
  const item = line.workflow.items[line.at];
  if (item?.kind !== 'parallel') return true;
  const made = calling(model, pathIn(line, item.name), () => {
    const fields: Record<string, unknown> = {};
    for (const [key, reducer] of Object.entries(item.reducers)) {
      const values = valuesFor(line, line.at, key);
      if (values.length > 0) fields[key] = JSON.parse(JSON.stringify(reducer.reduce(values)));
    }
    return fields;
  });
  if (made) line.reduced.set(line.at, made);
  return made !== undefined;
}

/** The saga goes on without it. */
function lose(model: Model, part: Part): void {
  if (part.lost) return;
  part.lost = part.group?.keep ? 'keep' : 'undo';
  quieten(model, part);
}

/** Nothing new begins in there. */
export function quieten(model: Model, part: Part): void {
  for (const each of withAll(part)) giveUpRetries(model, each);
  dropWaits(model, part);
}

/** In what has failed while the saga goes on around it, nothing new begins. */
export function quietenFailed(model: Model, parts: readonly Part[]): void {
  for (const part of parts)
    if (fateOf(model, part) === 'bad') quieten(model, part);
    else quietenFailed(model, insideOf(part));
}
