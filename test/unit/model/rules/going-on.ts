import { judgeFailure, pivotOf } from './failure.js';
import { advance, quietenFailed } from './forward.js';
import { allParts, isQuarantined } from './state.js';
import type { Model } from './state.js';
import { isSettled, undoWhatMay } from './undoing.js';

/** After anything has happened: does what can be done now, until there is nothing. */
export function goOn(model: Model): void {
  if (model.finished || model.paused || isQuarantined(model)) return;
  if ((model.startAt ?? 0) <= model.moment.now) model.begun = true;
  if (!model.begun) return;
  // What was asked for while the pivot's answer was out came too late.
  if (model.cancelWanted && pivotOf(model) === 'past') model.cancelWanted = false;
  for (;;) {
    if (model.direction === 'forward') {
      advance(model, model.root);
      undoWhatMay(model);
    }
    if (judgeFailure(model)) continue;
    if (model.direction === 'forward') quietenFailed(model, model.root.parts);
    if (!undoWhatMay(model)) break;
  }
  finish(model);
}

function finish(model: Model): void {
  const forward = model.direction === 'forward';
  if (forward && model.root.at < model.root.workflow.items.length) return;
  if (!isSettled(allParts(model), forward)) return;
  model.finished = model.gaveUp ? 'failed' : model.aim;
  model.kept = [];
  model.cancelWanted = false;
}
