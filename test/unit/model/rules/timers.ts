import { conclude } from './entering.js';
import { pivotOf, turn } from './failure.js';
import { verdict } from './forward.js';
import { elapsed, send, stop } from './sending.js';
import { allParts, isBusy, isQuarantined, isStep } from './state.js';
import type { Model, Part } from './state.js';

/** Does what is due. False when nothing was. */
export function onTimer(model: Model): boolean {
  if (model.finished || model.paused || isQuarantined(model)) return false;
  const { now } = model.moment;
  const starts = !model.begun && (model.startAt ?? 0) <= now;
  if (!model.begun && !starts) return false;
  const deadline = model.deadline !== undefined && model.deadline <= now;
  const waits = allParts(model).filter(({ until }) => until !== undefined && until <= now);
  const stalls = model.stalls.filter(({ due }) => due !== undefined && due <= now);
  const retries = dueRetries(model);
  if (!starts && !deadline && waits.length + stalls.length + retries.length === 0) return false;
  model.begun = true;
  if (deadline) onSagaDeadline(model);
  for (const part of waits) if (part.until !== undefined) endWait(part);
  for (const { forward, member } of retries.filter(isStep))
    if (isBusy(forward) && (member.stepTimeout ?? Infinity) <= elapsed(model, forward)) stop(forward);
  return true;
}

/** It stood still, and its time may have run out meanwhile: that comes before anything is sent. */
export function endTimeOfStill(model: Model): void {
  if (model.paused || model.finished || model.direction === 'undo') return;
  if ((model.deadline ?? Infinity) > model.moment.now) return;
  const { root } = model;
  const present = verdict(model, root);
  const isLast = root.at >= root.workflow.items.length - 1;
  if (present === 'bad' || (present === 'good' && isLast)) return;
  model.begun = true;
  onSagaDeadline(model);
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

function dueRetries(model: Model): Part[] {
  const { now } = model.moment;
  return allParts(model).filter((part) =>
    [part.forward, part.undo].some((side) => side.now === 'waiting' && (side.due ?? 0) <= now),
  );
}

/** Those that were not given up meanwhile. */
export function sendRetries(model: Model): void {
  for (const part of dueRetries(model).filter(isStep))
    for (const side of [part.forward, part.undo])
      if (side.now === 'waiting' && (side.due ?? 0) <= model.moment.now) send(model, part, side);
}
