import type { DeadlineEvent, HeartbeatEvent, ReplyEvent, Step } from '@counterstep/core';
import { attemptFailed, ended, isUncertain, lastWord, sendingsOfRun, timeoutOf } from './sending.js';
import { dropTroubles, isBusy, isQuarantined, isStep, partAt } from './state.js';
import type { Model, Part, Sending, Side, Word } from './state.js';

type StepPart = Part & { readonly member: Step };

/** An attempt that was made, in the run that is going on. */
interface Known {
  readonly part: StepPart;
  readonly side: Side;
  readonly sending: Sending;
  /** It is the last one, and is out. */
  readonly present: boolean;
}

function known(model: Model, event: ReplyEvent | HeartbeatEvent | DeadlineEvent): Known | undefined {
  const part = partAt(model, event.step);
  if (!part || !isStep(part)) return undefined;
  const side = part[event.direction];
  const sending = sendingsOfRun(side).find(
    ({ run, attempt }) => run === event.run && attempt === event.attempt,
  );
  if (!sending) return undefined;
  return { part, side, sending, present: side.now === 'out' && sending === side.sendings.at(-1) };
}

/** True when it changed something. */
export function onReply(model: Model, event: ReplyEvent): boolean {
  const about = known(model, event);
  // A command that came after its undo was not run: no news.
  if (!about || event.refused || isQuarantined(model)) return false;
  if (model.finished) return afterTheEnd(model, about, event);
  if (about.side.now === 'over') return event.direction === 'forward' && late(about, event);
  return inTime(model, about, event);
}

function inTime(model: Model, { part, side, sending, present }: Known, event: ReplyEvent): boolean {
  let outcome = event.outcome;
  if (
    outcome === 'succeeded' &&
    side.way === 'forward' &&
    part.member.output?.safeParse(event.output).success === false
  )
    outcome = 'failed';
  if (outcome === 'succeeded') {
    sending.word = 'succeeded';
    dropTroubles(model, part.path, side.way);
    if (side.way === 'forward') giveResult(part, event);
    else part.noop = event.noop === true;
    ended(side, 'succeeded');
    return true;
  }
  if (outcome === 'rejected' && isBelieved(part, side)) {
    if (side.now === 'stuck' && (side.way === 'undo' || side.word === 'rejected')) return false;
    sending.word = 'rejected';
    dropTroubles(model, part.path, side.way);
    lastWord(model, part, side, 'rejected');
    return true;
  }
  if (outcome === 'rejected' && (present || side.now === 'waiting')) {
    sending.word = 'unknown';
    lastWord(model, part, side, 'unknown');
    return true;
  }
  if (!present || outcome === 'rejected') return false;
  // What broke its agreement did something all the same, and says how to undo it.
  if (side.way === 'forward' && event.undoData !== undefined) part.undoData = event.undoData;
  failedAttempt(model, part, side, 'failed', event.error ?? {});
  return true;
}

/** No retry of what the saga does not want any more. */
function failedAttempt(
  model: Model,
  part: StepPart,
  side: Side,
  word: 'failed' | 'unknown',
  error: { code?: string; retryable?: boolean | undefined },
): void {
  const unwanted = side.way === 'forward' && (model.direction === 'undo' || isLost(part));
  attemptFailed(model, part, side, word, unwanted ? { ...error, retryable: false } : error);
}

function isLost(part: Part): boolean {
  for (let each: Part | undefined = part; each; each = 'workflow' in each.home ? each.home.owner : each.home)
    if (each.lost) return true;
  return false;
}

function giveResult(part: Part, event: ReplyEvent): void {
  part.output = event.output;
  if (event.undoData !== undefined) part.undoData = event.undoData;
}

/** A rejection promises that nothing happened; only a barrier in the transaction can promise it of former attempts too. */
function isBelieved(part: StepPart, side: Side): boolean {
  return part.member.barrier === 'transaction' || !isUncertain(side);
}

function isDefinite(word: Word | undefined): boolean {
  return word === 'succeeded' || word === 'rejected';
}

/** The step was given up. */
function late({ part, side, sending }: Known, event: ReplyEvent): boolean {
  if (side.word === 'succeeded' || part.skipped) return false;
  const undoSent = part.undo.sendings.length > 0;
  if (event.outcome === 'succeeded') {
    sending.word = 'succeeded';
    side.word = 'succeeded';
    giveResult(part, event);
    if (undoSent && event.late) part.again = 'always';
    else if (undoSent && (part.undo.now !== 'over' || part.noop)) part.again = 'ifNoop';
    return true;
  }
  if (event.outcome === 'rejected' && side.word !== 'rejected' && !undoSent && isBelieved(part, side)) {
    side.word = 'rejected';
    return true;
  }
  return false;
}

/** The state stays; a person is told of an effect that may stand. */
function afterTheEnd(model: Model, { part, side, sending }: Known, event: ReplyEvent): boolean {
  if (isDefinite(side.word) || part.skipped || event.outcome === 'failed') return false;
  if (event.outcome === 'rejected') {
    if (side.way === 'undo' || part.undo.sendings.length > 0 || !isBelieved(part, side)) return false;
  }
  ended(side, event.outcome);
  sending.word = event.outcome;
  if (side.way === 'undo' || event.outcome !== 'succeeded') return true;
  giveResult(part, event);
  const undoneForReal = part.undo.word === 'succeeded' && !part.noop && !event.late;
  const meant = model.finished === 'completed' && part.lost === 'keep';
  if (part.member.readOnly || undoneForReal || meant) return true;
  side.now = 'stuck';
  model.troubles.push({ code: 'LATE_EFFECT', path: part.path, way: 'forward' });
  return true;
}

export function onHeartbeat(model: Model, event: HeartbeatEvent): boolean {
  const about = known(model, event);
  if (!about || model.finished || isQuarantined(model)) return false;
  const { part, side, present } = about;
  const isInDoubt = side.word === 'failed' || side.word === 'unknown';
  const isTooLate = event.direction === 'undo' || !isInDoubt || part.undo.sendings.length > 0 || part.skipped;
  if (!isBusy(side) && isTooLate) return false;
  part.undoData = event.undoData;
  if (isBusy(side) && present) side.due = model.moment.now + timeoutOf(model, part, side);
  return true;
}

export function onDeadline(model: Model, event: DeadlineEvent): boolean {
  const about = known(model, event);
  if (!about?.present || model.finished || model.paused || isQuarantined(model)) return false;
  const { part, side } = about;
  // That the time is over is for the engine to say, which knows of signs of life, of the queue, and of what is on its way.
  failedAttempt(model, part, side, 'unknown', { code: event.notPickedUp ? 'NOT_PICKED_UP' : 'TIMEOUT' });
  return true;
}
