import { runOf, send } from './sending.js';
import { allParts, chainOf, isBusy, isStep, ownerOf, withAll } from './state.js';
import type { Model, Part } from './state.js';

/** It may have had an effect, and there is something that undoes it. */
export function needsUndo(part: Part): boolean {
  if (!isStep(part) || part.member.compensation === undefined || part.skipped) return false;
  const { now, word } = part.forward;
  return now === 'over' && word !== 'rejected';
}

/** Its undo is over for good, or somebody decided to leave the effect. */
export function isUndone(part: Part): boolean {
  if (part.leftStanding) return true;
  return part.undo.now === 'over' && !isDueAgain(part);
}

export function isDueAgain(part: Part): boolean {
  if (part.undo.now !== 'over') return false;
  return part.again === 'always' || (part.again === 'ifNoop' && part.noop);
}

/** The innermost part around it (or itself) that the saga goes on without, and undoes. What such a one kept goes with it. */
function lostAround(part: Part): Part | undefined {
  return chainOf(part)
    .reverse()
    .find(({ lost }) => lost === 'undo');
}

function isOut(parts: readonly Part[]): boolean {
  return parts.some(({ forward }) => isBusy(forward));
}

/** Sends every undo that nothing stands in the way of. */
export function undoWhatMay(model: Model): boolean {
  const before = model.sent.length;
  const due = allParts(model).filter((part) => needsUndo(part) && !isUndone(part));
  // Where there is not room for all, no rule says what is undone first; as the product has it, what was entered first.
  if (model.direction === 'forward') due.sort((a, b) => turnOf(a) - turnOf(b));
  for (const part of due) if (mayBeUndone(model, part)) sendUndo(model, part);
  return model.sent.length > before;
}

/** Beside the forward path: when the outermost part was entered that the saga goes on without and that nothing is out of. */
function turnOf(part: Part): number {
  const settled = chainOf(part).find((each) => each.lost === 'undo' && !isOut(withAll(each)));
  return settled?.nth ?? Number.MAX_SAFE_INTEGER;
}

function sendUndo(model: Model, part: Part): void {
  if (isStep(part)) send(model, part, part.undo, runOf(part.undo) > 0);
}

function mayBeUndone(model: Model, part: Part): boolean {
  if (part.undo.now !== 'idle' && !isDueAgain(part)) return false;
  // Beside the forward path only what the saga goes on without is undone, each for itself.
  const lost = model.direction === 'forward' ? lostAround(part) : undefined;
  if (model.direction === 'forward' && !lost) return false;
  const others = lost ? withAll(lost) : allParts(model);
  if (isOut(others)) return false;
  if (others.some((other) => dependsOn(other, part) && needsUndo(other) && !isUndone(other))) return false;
  return hasRoom(part);
}

/** Whether `later` came after `earlier`: the first place where they part is one line, and further along it. */
export function dependsOn(later: Part, earlier: Part): boolean {
  const [a, b] = [chainOf(later), chainOf(earlier)];
  for (let level = 0; level < a.length && level < b.length; level += 1) {
    const [x, y] = [a[level], b[level]];
    if (!x || !y) return false;
    if (x !== y) return 'workflow' in x.home && x.index > y.index;
  }
  return false;
}

/** The items of a map are undone so many at a time; one that waits for a person takes no room. */
function hasRoom(part: Part): boolean {
  for (const item of chainOf(part)) {
    const map = ownerOf(item);
    if (map?.member.kind !== 'map') continue;
    const busy = map.items.filter((each) => withAll(each).some(({ undo }) => isBusy(undo)));
    if (!busy.includes(item) && busy.length >= map.member.concurrency) return false;
  }
  return true;
}

/** Nothing is out any more, and nothing is left to undo. */
export function isSettled(parts: readonly Part[], kept: boolean): boolean {
  return parts.every((part) => {
    if (isBusy(part.forward)) return false;
    return (kept && !lostAround(part)) || !needsUndo(part) || isUndone(part);
  });
}
