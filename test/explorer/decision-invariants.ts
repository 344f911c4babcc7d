import type { Attempts, Decision, Fact, ReplyEvent, Saga, SagaEvent } from '@counterstep/core';
import { dependsOn, isOver } from './dependency.js';
import { same } from './intern.js';
import { named } from './messages.js';
import type { Rules } from './rules.js';
import type { Shape } from './shapes.js';
import { Violation } from './violation.js';

/* Those of the ten invariants, S1 to S10, that speak of one decision. A saga is nothing but the sum of its
   decisions, so what holds of each holds of the whole history. */

/** A decision that was made, and the saga that its record, read back from the store, makes of the former. */
export interface Made {
  readonly rules: Rules;
  readonly shape: Shape;
  readonly before: Saga | undefined;
  /** What `decide` was shown instead of `before`: the same saga with other times. */
  readonly seen: Saga | undefined;
  readonly event: SagaEvent;
  readonly decision: Extract<Decision, { kind: 'applied' }>;
  /** The same, decided a second time. */
  readonly again: Decision;
  readonly after: Saga;
}

export function checkDecision(made: Made): void {
  atomic(made);
  singleWriter(made);
  legal(made);
  reverse(made);
  noEarly(made);
  outbox(made);
  idempotent(made);
}

/**
 * S1: no version without its history row and what it sends; none of these without the version. There is no outbox table:
 * the commands of a row are exactly its facts `command`.
 */
function atomic({ before, decision: { saga, record, effects } }: Made): void {
  const fail = failing('S1 atomic');
  if (record.facts.length === 0) fail('a record without facts');
  if (record.seq !== (before?.version ?? 0) + 1 || saga.version !== record.seq)
    fail(`record ${record.seq} makes version ${saga.version} of ${before?.version ?? 0}`);
  const facts = record.facts.filter(isCommand).map(named);
  const sent = effects.commands.map(named);
  if (!same(facts, sent)) fail(`told: ${facts.join('; ')}, sent: ${sent.join('; ')}`);
}

/**
 * S2: never two different events under one number. Which of two orchestrators commits is the store's version check; here:
 * both would commit the same.
 */
function singleWriter({ decision, again }: Made): void {
  if (!same(decision, again)) failing('S2 single-writer')('two orchestrators decide differently');
}

/** S3: each change is in the table, and nothing leads out of an end. */
function legal({ before, decision: { record }, after }: Made): void {
  const fail = failing('S3 legal');
  if (before) {
    const [from, to] = [before.state, after.state];
    if (isOver(before) && from !== to) fail(`${from} became ${to}`);
    if (to === 'pending' && from !== 'pending') fail(`${from} became ${to}`);
    if (before.direction === 'undo' && after.direction === 'forward') fail('an undo became forward');
    if (before.aim !== after.aim && before.direction === 'undo') fail(`${before.aim} became ${after.aim}`);
    if (before.cause && !same(before.cause, after.cause)) fail('the first cause was lost');
    if (isOver(before) && record.facts.some(({ type }) => !AFTER_THE_END.has(type)))
      fail(`after the end: ${record.facts.map(({ type }) => type).join(', ')}`);
  }
  if (isOver(after) && after.state !== after.aim && after.state !== 'failed') fail(`ended ${after.state}`);
  const byPerson = record.facts.some(({ type }) => type === 'terminated') || after.gaveUp === true;
  if (after.state === 'failed' && before?.state !== 'failed' && !byPerson)
    fail('failed, and nobody decided so');
  for (const step of Object.values(after.steps)) {
    for (const direction of ['forward', 'undo'] as const) {
      const from = before?.steps[step.path]?.[direction]?.status ?? 'absent';
      const to = step[direction]?.status ?? 'absent';
      if (from !== to && !ATTEMPTS[from].includes(to))
        fail(`${step.path} ${direction} went from ${from} to ${to}`);
    }
  }
}

const AFTER_THE_END: ReadonlySet<Fact['type']> = new Set(['lateReply', 'attention', 'intervened']);

type Status = Attempts['status'] | 'absent';
/** How a series of attempts goes on. From `ended` a late word may end it otherwise, and a new run may follow. */
const ATTEMPTS: Readonly<Record<Status, readonly Status[]>> = {
  // Given up at once where nothing more is wanted.
  absent: ['running'],
  running: ['waiting', 'stuck', 'ended'],
  waiting: ['running', 'stuck', 'ended'],
  stuck: ['running', 'ended'],
  ended: ['running', 'stuck'],
};

/**
 * S5, as the history tells it: what is undone is over, and what came to depend on it is over and undone before, unless
 * a person left that standing.
 */
function reverse({ shape: { workflow }, before, decision: { record }, after }: Made): void {
  const fail = failing('S5 reverse');
  for (const fact of record.facts.filter(isCommand)) {
    if (fact.direction === 'forward') {
      if (after.steps[fact.step]?.undo) fail(`${fact.step} was sent again after its undo`);
      continue;
    }
    const { forward, lost } = after.steps[fact.step] ?? {};
    if (!forward || forward.status !== 'ended') fail(`the undo of ${fact.step} overlaps its action`);
    if (forward?.outcome === 'rejected') fail(`${fact.step} is undone, though it was rejected`);
    // An undo that follows a late success comes out of its turn, as the effect did.
    if (lost || fact.run > 1 || fact.attempt > 1 || before?.gaveUp) continue;
    for (const other of Object.values(after.steps)) {
      if (other.kind || other.skipped || !other.forward || !dependsOn(workflow, other.path, fact.step))
        continue;
      if (other.forward.status !== 'ended') fail(`${fact.step} is undone while ${other.path} goes on`);
      const mayStand =
        other.forward.outcome !== 'rejected' && workflow.step(other.path).compensation !== undefined;
      const isUndone = other.undo?.status === 'ended';
      if (mayStand && !isUndone) fail(`${fact.step} is undone before ${other.path}, which depends on it`);
    }
  }
}

/**
 * S7: no attempt before the former failed, got no answer or was given back by a person; nor is a series given up before
 * its policy is spent. Counters begin anew with each direction and each run.
 */
function noEarly(made: Made): void {
  const {
    before,
    event,
    decision: { record },
    after,
  } = made;
  const fail = failing('S7 no early');
  for (const fact of record.facts.filter(isCommand)) {
    const former = before?.steps[fact.step]?.[fact.direction];
    if (former?.run === fact.run) {
      if (fact.attempt !== former.attempt + 1) fail(`after attempt ${former.attempt} came ${named(fact)}`);
      if (former.status !== 'waiting' && former.status !== 'stuck')
        fail(`${named(fact)} while one was ${former.status}`);
      if (former.outcome === 'succeeded') fail(`${named(fact)} after a success`);
    } else {
      if (fact.attempt !== 1 || fact.run !== (former?.run ?? 0) + 1) fail(`a run began with ${named(fact)}`);
      if (former && fact.direction === 'forward' && former.outcome !== 'rejected')
        fail(`${named(fact)} under a new key, though the former effect may stand`);
      const isNews = after.steps[fact.step]?.forward?.outcome === 'succeeded';
      const isOver =
        former?.status === 'ended' ||
        record.facts.some(
          (other) => other.type === 'replied' && other.direction === 'undo' && other.step === fact.step,
        );
      // Or a person tries anew what the worker refused to undo.
      const isRejected = former?.outcome === 'rejected' && event.type === 'intervene';
      if (former && fact.direction === 'undo' && !(isOver && isNews) && !isRejected)
        fail(`${named(fact)}, though nothing new is to be undone`);
    }
  }
  planned(made);
  for (const fact of record.facts) {
    if (fact.type !== 'timedOut') continue;
    const present = before?.steps[fact.step]?.[fact.direction];
    if (present?.status !== 'running' || present.attempt !== fact.attempt)
      fail(`the deadline of attempt ${fact.attempt} of ${fact.step} ${fact.direction} ended another`);
  }
}

/** S7, on timers: one that rings before anything is due changes nothing. */
export function checkTimer(rules: Rules, { workflow }: Shape, saga: Saga): void {
  const early = rules.decide(workflow, saga, { type: 'timer' }, { now: -1, random: 0 });
  if (early.kind === 'applied') failing('S7 no early')('a timer fired before its time');
}

/** S7, on giving up: as many attempts as the policy of that direction says, no more and no less. */
function planned({ shape: { workflow }, before, decision: { record } }: Made): void {
  const fail = failing('S7 no early');
  for (const [index, fact] of record.facts.entries()) {
    if (fact.type !== 'retryPlanned' && fact.type !== 'gaveUp') continue;
    const { step: path, direction } = fact;
    const former = record.facts[index - 1];
    const attempts = before?.steps[path]?.[direction];
    const isFailure =
      former?.type === 'timedOut' || (former?.type === 'replied' && former.outcome === 'failed');
    if (!before || !attempts || !isFailure || former.step !== path) continue;
    const { retry, undoRetry } = workflow.step(path);
    const isWanted = direction === 'undo' || (before.direction === 'forward' && !before.steps[path]?.lost);
    const left =
      (direction === 'undo' ? undoRetry : retry).maxRetries + 1 - (attempts.attempt - (attempts.spent ?? 0));
    if (fact.type === 'retryPlanned' && left <= 0)
      fail(`${path} ${direction} is tried more often than its policy says`);
    if (fact.type === 'gaveUp' && isWanted && left > 0)
      fail(`${path} ${direction} is given up with ${left} attempts left`);
  }
}

/**
 * S9: every message can be made again from history, byte for byte. There is no outbox table; what a dead orchestrator did
 * not send is rebuilt from the record as the database gives it back.
 */
function outbox({ rules, shape: { workflow }, decision: { record, effects }, after }: Made): void {
  const again = rules.effectsOf(workflow, after, JSON.parse(JSON.stringify(record)) as typeof record);
  if (!same(again, effects)) failing('S9 outbox')('history gives other messages');
}

/** S10: the fold of the history is the saga: of each record, so of all. */
function idempotent({ rules, before, seen, decision: { saga, record }, after }: Made): void {
  // With other times shown, the saga that was decided upon has them too.
  const folded = seen ? rules.evolve(seen, saga.sagaId, record) : after;
  if (!same(folded, saga)) failing('S10 idempotent')('the fold of history is another saga');
  if (before && after.updatedAt !== record.at)
    failing('S10 idempotent')('the saga has another time than its record');
}

/**
 * S8: an input whose offset is committed is in the history, or says nothing new. There is no inbox table: what is ignored
 * or refused leaves no trace, so it must be known already.
 */
export function checkSilence(
  shape: Shape,
  before: Saga | undefined,
  event: SagaEvent,
  decision: Decision,
): void {
  if (!before || event.type !== 'reply') return;
  const fail = failing('S8 acked ⇒ durable');
  if (decision.kind === 'refused') fail('a reply was refused: nobody reads that');
  const { step, direction, run, attempt, outcome, refused } = event;
  const progress = before.steps[step];
  const attempts = progress?.[direction];
  if (!progress || attempts?.run !== run || attempt > attempts.attempt || refused) return;
  const isOpen = attempts.status === 'running' || attempts.status === 'waiting';
  // After the end a rejection is the last word; only where there is no barrier another delivery may have succeeded.
  const isClosed = isOver(before) && attempts.outcome === 'rejected' && !isGuarded(shape, step);
  const isKnown = attempts.outcome === 'succeeded' || progress.skipped === true || isClosed;
  if (outcome === 'succeeded' && !isKnown && !(direction === 'undo' && before.gaveUp))
    fail(`${named(event)} succeeded, and nobody will know`);
  // Where the barrier does not keep a rejection for good, that of an earlier attempt is no last word.
  const isDoubtful = attempts.uncertain && shape.workflow.step(step).barrier !== 'transaction';
  if (outcome === 'rejected' && direction === 'forward' && isOpen && !isDoubtful)
    fail(`${named(event)} was rejected, and is still waited for`);
  if (outcome === 'failed' && attempts.status === 'running' && attempt === attempts.attempt)
    fail(`${named(event)} failed, and is still waited for`);
}

/** Whether the reply says nothing that the saga will ever want to know, as far as one can tell from the attempts. */
export function isSettled(
  saga: Saga,
  { step, direction, run, attempt, outcome, refused }: ReplyEvent,
): boolean {
  const progress = saga.steps[step];
  const attempts = progress?.[direction];
  if (!attempts) return false;
  if (refused || run < attempts.run) return true;
  if (attempts.status === 'ended' && attempts.outcome === 'succeeded') return true;
  if (outcome === 'failed') return attempts.status !== 'running' || attempt < attempts.attempt;
  return outcome === 'rejected' && attempts.status === 'ended' && attempts.outcome === 'rejected';
}

function isGuarded({ workflow }: Shape, path: string): boolean {
  return (workflow.step(path).barrier ?? 'none') !== 'none';
}

function isCommand(fact: Fact): fact is Extract<Fact, { type: 'command' }> {
  return fact.type === 'command';
}

function failing(invariant: string): (message: string) => never {
  return (message) => {
    throw new Violation(invariant, message);
  };
}
