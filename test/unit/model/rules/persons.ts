import type { InterveneEvent, Verb } from '@counterstep/core';
import { dropStalls } from './entering.js';
import { pivotOf, turn } from './failure.js';
import { HELD, IGNORED, endAsFailed } from './requests.js';
import type { Answer } from './requests.js';
import { ended, send } from './sending.js';
import { dropTroubles, isHold, isQuarantined, isStep, partAt } from './state.js';
import type { Model, Part, Trouble } from './state.js';
import { endTimeOfStill } from './timers.js';

/** A person decides about one of the things that wait for one. */
export function onIntervene(model: Model, event: InterveneEvent): Answer {
  const meant = model.troubles.filter(
    ({ code, path, way }) =>
      isHold({ code, path }) === (event.verb === 'release') &&
      (event.step === undefined || event.step === path) &&
      (event.direction === undefined || event.direction === way),
  );
  const [trouble] = meant;
  if (!model.finished && isQuarantined(model) && event.verb !== 'release') return HELD;
  if (!trouble)
    return model.finished && model.troubles.length === 0
      ? { refused: 'SAGA_CLOSED' }
      : { refused: 'NOTHING_WAITS' };
  if (meant.length > 1) return { refused: 'AMBIGUOUS' };
  const allowed = allowedFor(model, trouble);
  if (!allowed.includes(event.verb)) return { refused: 'NOT_ALLOWED', allowed };
  return act(model, trouble, event);
}

export function allowedFor(model: Model, trouble: Trouble): Verb[] {
  if (trouble.code === 'LATE_EFFECT') return ['resolve', 'giveUp'];
  if (isHold(trouble)) return ['release'];
  if (trouble.code === 'DEFINITION_ERROR') return ['retry', 'giveUp'];
  if (trouble.way === 'undo') return ['retry', 'resolve', 'giveUp'];
  const part = partAt(model, trouble.path ?? '');
  const undo: Verb[] = mayTurn(model) ? ['undo'] : [];
  if (part && isStep(part)) return ['retry', 'skip', 'resolve', ...undo, 'giveUp'];
  return [...(part?.member.kind === 'signal' ? (['retry'] as const) : []), 'skip', ...undo, 'giveUp'];
}

function mayTurn(model: Model): boolean {
  const pivot = pivotOf(model);
  return pivot !== 'past' && pivot !== 'out';
}

function act(model: Model, trouble: Trouble, event: InterveneEvent): Answer {
  if (event.verb === 'resolve' && !event.evidence) return { refused: 'EVIDENCE_MISSING' };
  if (event.verb === 'retry' && model.paused) return { refused: 'SAGA_PAUSED' };
  const close = (): void => {
    model.troubles = model.troubles.filter((each) => each !== trouble);
  };
  if (trouble.code === 'LATE_EFFECT' || event.verb === 'release') {
    close();
    if (event.verb === 'release') endTimeOfStill(model);
    return undefined;
  }
  if (trouble.code === 'DEFINITION_ERROR') return onDefinition(model, trouble, event);
  const part = partAt(model, trouble.path ?? '');
  if (!part) return IGNORED;
  if (trouble.way === 'undo') return onStuckUndo(model, part, event, close);
  return onStuckForward(model, part, event);
}

function onDefinition(model: Model, trouble: Trouble, event: InterveneEvent): Answer {
  if (event.verb === 'giveUp') {
    endAsFailed(model);
    return undefined;
  }
  if (event.input !== undefined) return { refused: 'INPUT_FIXED' };
  dropStalls(model, (path) => path === trouble.path);
  return undefined;
}

function onStuckUndo(model: Model, part: Part, event: InterveneEvent, close: () => void): Answer {
  close();
  if (event.verb === 'giveUp') {
    part.leftStanding = true;
    model.gaveUp = true;
    part.undo.now = 'over';
  } else if (event.verb === 'resolve') {
    ended(part.undo, 'succeeded');
    part.again = undefined;
  } else if (isStep(part)) {
    if (event.input !== undefined) part.undoInput = event.input;
    again(model, part, 'undo');
  }
  return undefined;
}

function onStuckForward(model: Model, part: Part, event: InterveneEvent): Answer {
  if (event.verb === 'retry' && event.input !== undefined && part.forward.word !== 'rejected')
    return { refused: 'INPUT_FIXED' };
  if (event.verb === 'giveUp') {
    endAsFailed(model);
    return undefined;
  }
  if (event.verb === 'undo') {
    turn(model, 'compensated');
    return undefined;
  }
  dropTroubles(model, part.path, 'forward');
  if (event.verb === 'skip') {
    part.skipped = true;
    if (event.output !== undefined) part.output = event.output;
    if (isStep(part)) part.forward.now = 'over';
  } else if (event.verb === 'resolve') {
    const outcome = event.outcome ?? 'succeeded';
    ended(part.forward, outcome);
    if (outcome === 'succeeded' && event.output !== undefined) part.output = event.output;
  } else if (isStep(part)) {
    if (event.input !== undefined) part.input = event.input;
    again(model, part, 'forward');
  } else if (part.member.kind === 'signal') {
    part.said = undefined;
    part.until = model.moment.now + part.member.timeout;
  }
  return undefined;
}

/** The policy counts anew; after a rejection, which the barrier keeps, under another key. */
function again(model: Model, part: Part, way: 'forward' | 'undo'): void {
  const side = part[way];
  const newRun = side.word === 'rejected';
  side.spent = side.sendings.length;
  if (isStep(part)) send(model, part, side, newRun);
}
