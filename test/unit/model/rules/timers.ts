import { conclude } from './entering.js';
import { pivotOf, turn } from './failure.js';
import { send } from './sending.js';
import { allParts, isQuarantined, isStep } from './state.js';
import type { Model, Part } from './state.js';

/** Does what is due. False when nothing was. */
export function onTimer(model: Model): boolean {
  if (model.finished || model.paused || isQuarantined(model)) return false;
  const { now } = model.moment;
  if (!model.begun) return onStartTime(model);
  const deadline = model.deadline !== undefined && model.deadline <= now;
  const waits = allParts(model).filter(({ until }) => until !== undefined && until <= now);
  const stalls = model.stalls.filter(({ due }) => due !== undefined && due <= now);
  const retries = dueRetries(model);
  if (!deadline && waits.length + stalls.length + retries.length === 0) return false;
  if (deadline) onSagaDeadline(model);
  for (const part of waits) if (part.until !== undefined) endWait(part);
  for (const stall of stalls) stall.call = true;
  sendRetries(model, retries);
  return true;
}

function onStartTime(model: Model): boolean {
  if (model.startAt === undefined || model.startAt > model.moment.now) return false;
  model.begun = true;
  return true;
}

function onSagaDeadline(model: Model): void {
  model.deadline = undefined;
  const pivot = pivotOf(model);
  if (pivot === 'past') return;
  if (pivot === 'out') model.cancelWanted = true;
  else turn(model, 'cancelled');
}

function endWait(part: Part): void {
  const rejects = part.member.kind === 'signal' && part.member.onTimeout === 'reject';
  conclude(part, rejects ? 'rejected' : 'succeeded', rejects ? undefined : null);
}

export function dueRetries(model: Model): Part[] {
  const { now } = model.moment;
  return allParts(model).filter((part) =>
    [part.forward, part.undo].some((side) => side.now === 'waiting' && (side.due ?? 0) <= now),
  );
}

/** Those that were not given up meanwhile. */
export function sendRetries(model: Model, parts: readonly Part[]): void {
  for (const part of parts.filter(isStep))
    for (const side of [part.forward, part.undo])
      if (side.now === 'waiting' && (side.due ?? 0) <= model.moment.now) send(model, part, side);
}
