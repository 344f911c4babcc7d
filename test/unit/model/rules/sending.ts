import type { RetryPolicy, Step } from '@counterstep/core';
import { dropTroubles } from './state.js';
import type { Model, Part, Sending, Side, Word } from './state.js';

type StepPart = Part & { readonly member: Step };

/** Commands go out, and come to an end. */
export function send(model: Model, part: StepPart, side: Side, newRun = false): void {
  const { now } = model.moment;
  const last = side.sendings.at(-1);
  const run = (last?.run ?? 0) + (newRun || !last ? 1 : 0);
  if (newRun) side.spent = side.sendings.length;
  const attempt = last && !newRun ? last.attempt + 1 : 1;
  side.sendings.push({ run, attempt, at: now });
  side.now = 'out';
  side.word = undefined;
  side.due = now + timeoutOf(model, part, side);
  if (side.way === 'undo') {
    part.noop = false;
    if (newRun) part.again = undefined;
  }
  model.sent.push({ path: part.path, way: side.way, run, attempt, data: dataOf(part, side) });
}

export function timeoutOf(model: Model, { member }: StepPart, side: Side): number {
  if (side.way === 'undo' || member.stepTimeout === undefined) return member.attemptTimeout;
  return Math.max(1, Math.min(member.attemptTimeout, member.stepTimeout - elapsed(model, side)));
}

function dataOf(part: StepPart, side: Side): unknown {
  if (side.way === 'forward') return part.input;
  return {
    input: part.undoInput ?? part.input,
    output: part.output,
    undoData: part.undoData,
    outcome: part.forward.word,
  };
}

export function ended(side: Side, word: Word): void {
  side.now = 'over';
  side.word = word;
  side.due = undefined;
}

/** Its answer is not waited for. */
export function attemptUnknown(side: Side): void {
  const last = side.sendings.at(-1);
  if (last) last.word = 'unknown';
  ended(side, 'unknown');
}

/** The present attempt came to nothing: another by policy, or that was its last word. */
export function attemptFailed(
  model: Model,
  part: StepPart,
  side: Side,
  word: 'failed' | 'unknown',
  error: { readonly code?: string | undefined; readonly retryable?: boolean | undefined },
): void {
  const last = side.sendings.at(-1);
  if (last) last.word = word;
  const policy = side.way === 'forward' ? part.member.retry : part.member.undoRetry;
  const forbidden = error.retryable === false || (policy.nonRetryableCodes ?? []).includes(error.code ?? '');
  const pause = forbidden ? undefined : pauseBeforeNext(model, part, side, policy);
  if (pause === undefined) {
    lastWord(model, part, side, word);
    return;
  }
  side.now = 'waiting';
  side.due = model.moment.now + pause;
}

/** Of an undo that a person must look at; everything else is judged where the part stands. */
export function lastWord(model: Model, part: Part, side: Side, word: Word): void {
  ended(side, word);
  if (side.way !== 'undo' || word === 'succeeded') return;
  side.now = 'stuck';
  model.troubles.push({ code: 'COMPENSATION_FAILED', path: part.path, way: 'undo' });
}

function pauseBeforeNext(model: Model, part: StepPart, side: Side, policy: RetryPolicy): number | undefined {
  const made = side.sendings.length - side.spent;
  if (made > policy.maxRetries) return undefined;
  const pause = backoff(policy, made, model.moment.random);
  const then = elapsed(model, side) + pause;
  if (policy.budget !== undefined && then > policy.budget) return undefined;
  const { stepTimeout } = part.member;
  return side.way === 'forward' && stepTimeout !== undefined && then >= stepTimeout ? undefined : pause;
}

export function backoff(
  policy: Pick<RetryPolicy, 'initialDelay' | 'backoffFactor' | 'maxDelay' | 'jitter'>,
  attempt: number,
  random: number,
): number {
  let pause = policy.initialDelay;
  for (let i = 1; i < attempt; i += 1) pause *= policy.backoffFactor;
  pause = Math.min(pause, policy.maxDelay);
  return Math.round(policy.jitter === 'full' ? pause * random : pause);
}

/** Since the first sending that the policy counts. */
export function elapsed(model: Model, side: Side): number {
  return model.moment.now - (side.sendings[side.spent]?.at ?? model.moment.now);
}

/** No further attempt is made. */
export function giveUpRetries(model: Model, part: Part): void {
  dropTroubles(model, part.path, 'forward');
  if (part.forward.now === 'waiting' || part.forward.now === 'stuck') stop(part.forward);
}

export function stop(side: Side): void {
  ended(side, side.word ?? side.sendings.at(-1)?.word ?? 'unknown');
}

export function runOf(side: Side): number {
  return side.sendings.at(-1)?.run ?? 0;
}

export function sendingsOfRun(side: Side): Sending[] {
  return side.sendings.filter(({ run }) => run === runOf(side));
}

/** Some attempt of this run may have had its effect whatever came later. */
export function isUncertain(side: Side): boolean {
  return sendingsOfRun(side).some(({ word }) => word === 'failed' || word === 'unknown');
}
