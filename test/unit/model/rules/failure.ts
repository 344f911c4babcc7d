import { dropWaits } from './entering.js';
import { fateOf, verdict } from './forward.js';
import { attemptUnknown, giveUpRetries } from './sending.js';
import { allParts, insideOf, isStep, partsAt, withAll } from './state.js';
import type { Line, Model, Part } from './state.js';

/** Where the point of no return is. */
export function pivotOf(model: Model): 'none' | 'ahead' | 'out' | 'past' {
  const path = model.workflow.pivot;
  if (path === undefined) return 'none';
  const above = allParts(model).filter((part) => path === part.path || path.startsWith(`${part.path}/`));
  if (above.some((part) => !part.taken || part.skipped)) return 'past';
  const pivot = above.find((part) => part.path === path);
  if (!pivot || pivot.forward.sendings.length === 0) return 'ahead';
  if (pivot.forward.word === 'succeeded') return 'past';
  return pivot.forward.word === 'rejected' ? 'ahead' : 'out';
}

/** The saga's own line has failed: undo, or ask a person. */
export function judgeFailure(model: Model): boolean {
  if (model.direction === 'undo' || verdict(model, model.root) !== 'bad') return false;
  const pivot = pivotOf(model);
  if (pivot === 'out') return askWhilePivotIsOut(model);
  if (model.cancelWanted) {
    turn(model, 'cancelled');
    return true;
  }
  if (pivot !== 'past' && !model.hold) {
    // A failure alone may be hasty: who cancels, or lets a person decide, waits for what is out.
    for (const { forward } of outInFailFast(model, model.root)) attemptUnknown(forward);
    turn(model, 'compensated');
    return true;
  }
  const code = pivot === 'past' ? 'RETRIABLE_FAILED' : 'STEP_FAILED';
  for (const leaf of badLeaves(model, model.root)) ask(model, leaf, code);
  return true;
}

/** Until its answer is there only what can be asked already is asked. */
function askWhilePivotIsOut(model: Model): boolean {
  const leaves = badLeaves(model, model.root);
  const pivot = leaves.find(({ path }) => path === model.workflow.pivot);
  if (pivot) ask(model, pivot, 'PIVOT_UNCERTAIN');
  const retriable = leaves.filter(({ member }) => member.kind === 'step' && member.retriable);
  for (const leaf of retriable) ask(model, leaf, 'RETRIABLE_FAILED');
  return pivot !== undefined || retriable.length > 0;
}

function ask(model: Model, part: Part, code: string): void {
  if (isStep(part)) part.forward.now = 'stuck';
  model.troubles.push({ code, path: part.path, way: 'forward' });
}

function badLeaves(model: Model, line: Line): Part[] {
  return partsAt(line, line.at).flatMap((part) => badLeavesIn(model, part));
}

function badLeavesIn(model: Model, part: Part): Part[] {
  if (part.lost || fateOf(model, part) !== 'bad') return [];
  if (part.line && !part.said) return badLeaves(model, part.line);
  if (part.list && !part.said) return part.items.flatMap((item) => badLeavesIn(model, item));
  return [part];
}

/** From here on the saga undoes. */
export function turn(model: Model, aim: 'compensated' | 'cancelled'): void {
  model.direction = 'undo';
  model.aim = aim;
  model.deadline = undefined;
  model.cancelWanted = false;
  for (const part of allParts(model)) giveUpRetries(model, part);
  for (const part of model.root.parts) dropWaits(model, part);
  model.stalls = [];
  model.troubles = model.troubles.filter(({ way, path }) => way === 'undo' || path === undefined);
}

/** What is out in groups that have failed and do not wait. */
function outInFailFast(model: Model, line: Line): Part[] {
  if (verdict(model, line) !== 'bad') return [];
  const parts = partsAt(line, line.at);
  const [first] = parts;
  if (first?.group?.onFailure === 'failFast')
    return parts.flatMap(withAll).filter(({ forward }) => forward.now === 'out');
  return parts.flatMap((part) => (part.line ? outInFailFast(model, part.line) : outInItems(model, part)));
}

function outInItems(model: Model, part: Part): Part[] {
  // What the saga goes on without is waited for.
  const items = insideOf(part).filter(({ lost }) => !lost);
  return items.flatMap((item) => (item.line ? outInFailFast(model, item.line) : []));
}
