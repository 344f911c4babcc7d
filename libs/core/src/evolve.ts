import type { Direction } from '@counterstep/protocol';
import { Draft, copyOfStep, keepResult } from './draft.js';
import type { WritableStep } from './draft.js';
import { isFinished } from './saga.js';
import type { Attempts, Fact, HistoryRecord, Saga } from './saga.js';
import { flatContextFor, resultsOf, resultsOfItems } from './scope.js';
import { illegal } from './transitions.js';

/**
 * The saga after one more record. Knows nothing of workflows or policies: the facts say all, so that history can be read
 * by whoever lacks the definition. `evolve` and nothing else builds a saga, when it runs and when it is loaded.
 */
export function evolve(saga: Saga | undefined, sagaId: string, record: HistoryRecord): Saga {
  const draft = new Draft(sagaId, saga);
  for (const fact of record.facts) apply(draft, fact, record.at);
  return draft.done(record.seq, record.at);
}

/** The saga that a history tells of; undefined for an empty one. */
export function fold(sagaId: string, history: readonly HistoryRecord[]): Saga | undefined {
  let saga: Saga | undefined;
  for (const record of history) saga = evolve(saga, sagaId, record);
  return saga;
}

/** Takes the draft further by one fact. */
export function apply(draft: Draft, fact: Fact, at: number): void {
  if (fact.type === 'started') {
    draft.begin(born(draft.sagaId, fact, at));
    return;
  }
  const { saga } = draft;
  const { state, aim } = saga;
  const change = CHANGES[fact.type] as Change<Fact['type']> | undefined;
  if (!change)
    throw new Error(`the history of saga ${draft.sagaId} has a fact '${fact.type}', unknown to this version`);
  change(draft, fact, at);
  const problem = illegal(state, aim, saga, fact);
  if (problem !== undefined) throw new Error(`the history of saga ${draft.sagaId}: ${problem}`);
}

type Change<Type extends Fact['type']> = (
  draft: Draft,
  fact: Extract<Fact, { type: Type }>,
  at: number,
) => void;

const CHANGES: { readonly [Type in Exclude<Fact['type'], 'started'>]: Change<Type> } = {
  entered,
  command: commanded,
  replied,
  timedOut: (draft, { step, direction, error }) => {
    const attempts = draft.editAttempts(draft.edit(step), direction, 'untimed');
    attempts.outcome = 'unknown';
    attempts.uncertain = true;
    attempts.error = error;
  },
  retryPlanned: (draft, { step, direction, delay }, at) => {
    const attempts = draft.editAttempts(draft.edit(step), direction, 'untimed');
    attempts.status = 'waiting';
    attempts.dueAt = at + delay;
  },
  heartbeat: (draft, { step, direction, attempt, undoData, timeout }, at) => {
    const progress = draft.edit(step);
    const attempts = draft.attempts(progress, direction);
    if (attempts.status === 'running' && attempts.attempt === attempt)
      draft.editAttempts(progress, direction).dueAt = at + timeout;
    keepResult(progress, { undoData });
  },
  gaveUp,
  lateSuccess: (draft, fact) => {
    const step = settled(draft, fact.step, 'forward', 'succeeded');
    if (step.undo && fact.again) step.undo = { ...step.undo, again: fact.again };
    keepResult(step, fact);
  },
  lateRejection: (draft, { step, error }) => {
    settled(draft, step, 'forward', 'rejected', error);
  },
  lateReply: (draft, fact) => {
    if (fact.outcome !== 'succeeded' && fact.outcome !== 'rejected') return;
    const step = settled(draft, fact.step, fact.direction, fact.outcome, fact.error);
    if (fact.direction === 'forward') keepResult(step, fact);
  },
  lost: (draft, { step, keep }) => {
    draft.edit(step).lost = keep ? 'keep' : 'undo';
  },
  concluded,
  joined: (draft, { group, scope, stage, patch }) => {
    draft.withoutStall(group);
    draft.saga.joined = [...(draft.saga.joined ?? []), { scope, stage, patch }];
  },
  stalled: ({ saga }, { step, tries, delay }, at) => {
    saga.stalls = [
      ...(saga.stalls ?? []).filter((stall) => stall.step !== step),
      { step, tries, ...(delay !== undefined && { dueAt: at + delay }) },
    ];
  },
  turned: (draft, { aim, cause }) => {
    const { saga } = draft;
    draft.drop('deadline', 'cancelWanted');
    saga.direction = 'undo';
    saga.aim = aim;
    if (cause && !saga.cause) saga.cause = cause;
  },
  attention: (draft, { type: _, ...item }, at) => {
    const { saga } = draft;
    saga.attention = [...saga.attention, { ...item, since: at }];
    const { step, direction } = item;
    if (step === undefined || !direction || !saga.steps[step]?.[direction]) return;
    draft.editAttempts(draft.edit(step), direction).status = 'stuck';
  },
  cancelRequested: (draft, { waits }) => {
    if (!waits) return;
    draft.drop('deadline');
    draft.saga.cancelWanted = waits;
  },
  cancelDropped: (draft) => {
    draft.drop('cancelWanted');
  },
  overdue: (draft) => {
    draft.drop('deadline');
  },
  paused: ({ saga }) => {
    saga.paused = true;
  },
  resumed: ({ saga }) => {
    saga.paused = false;
  },
  terminated: () => undefined,
  signalled: ({ saga }, { id, name, data }) => {
    saga.signals = [...(saga.signals ?? []), { id, name, ...(data !== undefined && { data }) }];
    saga.signalIds = [...(saga.signalIds ?? []), id];
  },
  intervened,
  finished: (draft, { state }) => {
    const { saga } = draft;
    saga.state = state;
    // What a person was asked for is moot now; history keeps it.
    if (saga.attention.length > 0) saga.attention = [];
    draft.drop('deadline', 'stalls', 'signals', 'cancelWanted');
  },
};

/** A saga before its first record. */
function born(sagaId: string, fact: Extract<Fact, { type: 'started' }>, at: number): Saga {
  const { workflow, input, startAt, deadline, failureMode, traceparent } = fact;
  return {
    sagaId,
    workflow,
    version: 0,
    state: 'pending',
    direction: 'forward',
    aim: 'completed',
    failureMode: failureMode ?? 'compensate',
    paused: false,
    attention: [],
    input,
    steps: {},
    ...(startAt !== undefined && { startAt }),
    ...(deadline !== undefined && { deadline }),
    ...(traceparent !== undefined && { traceparent }),
    createdAt: at,
    updatedAt: at,
  };
}

function entered(draft: Draft, fact: Extract<Fact, { type: 'entered' }>): void {
  const { saga } = draft;
  draft.withoutStall(fact.step);
  draft.drop('startAt');
  saga.state = 'running';
  const step = copyOfStep(fact, fact.step);
  // A sub-workflow without a mapper is given the context, which is not repeated in the history.
  if (fact.kind === 'workflow' && fact.taken && fact.input === undefined)
    step.input = flatContextFor(saga, fact.step);
  draft.put(step);
}

function commanded(draft: Draft, fact: Extract<Fact, { type: 'command' }>, at: number): void {
  const { direction, run, attempt, timeout } = fact;
  const step = draft.edit(fact.step);
  const former = step[direction];
  if (former?.run === run) {
    const attempts = draft.editAttempts(step, direction);
    attempts.attempt = attempt;
    attempts.status = 'running';
    attempts.sentAt = at;
    attempts.dueAt = at + timeout;
    return;
  }
  if (direction === 'forward') {
    if ('input' in fact) step.input = fact.input;
    else if (!former) step.input = flatContextFor(draft.saga, fact.step);
  }
  step[direction] = {
    run,
    attempt,
    status: 'running',
    firstSentAt: at,
    sentAt: at,
    uncertain: false,
    dueAt: at + timeout,
  };
}

function replied(draft: Draft, fact: Extract<Fact, { type: 'replied' }>, at: number): void {
  const isDefinite =
    fact.outcome === 'succeeded' || (fact.outcome === 'rejected' && fact.direction === 'forward');
  if (isDefinite) draft.withoutAttention(fact.step, fact.direction);
  const step = draft.edit(fact.step);
  const attempts = draft.editAttempts(step, fact.direction, 'untimed');
  attempts.outcome = fact.outcome;
  if (fact.outcome === 'failed' || fact.outcome === 'unknown') attempts.uncertain = true;
  if (isDefinite) {
    attempts.status = 'ended';
    attempts.endedAt = at;
  }
  if (fact.error) attempts.error = fact.error;
  if (fact.noop) attempts.noop = true;
  if (fact.direction === 'undo') return;
  // What a failed attempt says about its effect is all that its undo can go by.
  keepResult(step, fact.outcome === 'succeeded' ? fact : { undoData: fact.undoData });
}

function gaveUp(
  draft: Draft,
  { step: path, direction, unawaited }: Extract<Fact, { type: 'gaveUp' }>,
  at: number,
): void {
  if (direction === 'undo') {
    draft.editAttempts(draft.edit(path), direction, 'untimed').status = 'stuck';
    return;
  }
  draft.withoutStall(path);
  draft.withoutAttention(path, direction);
  if (!draft.saga.steps[path]) return;
  const step = draft.edit(path);
  delete step.until;
  if (!step.forward) return;
  const attempts = draft.editAttempts(step, direction, 'untimed');
  attempts.status = 'ended';
  attempts.endedAt = at;
  if (unawaited) {
    attempts.outcome = 'unknown';
    attempts.uncertain = true;
  }
}

function concluded(draft: Draft, fact: Extract<Fact, { type: 'concluded' }>, at: number): void {
  const { saga } = draft;
  const step = draft.edit(fact.step);
  draft.withoutStall(fact.step);
  draft.withoutAttention(fact.step, 'forward');
  delete step.until;
  step.outcome = fact.outcome;
  step.endedAt = at;
  if (fact.error) step.error = fact.error;
  if (fact.signalId !== undefined)
    saga.signals = (saga.signals ?? []).filter(({ id }) => id !== fact.signalId);
  if (fact.outcome === 'rejected') return;
  if (fact.output !== undefined) keepResult(step, fact);
  else if (step.kind === 'map') step.output = resultsOfItems(saga, step);
  else if (step.kind === 'workflow') step.output = resultsOf(saga, fact.step);
}

function intervened(draft: Draft, fact: Extract<Fact, { type: 'intervened' }>, at: number): void {
  const { saga } = draft;
  if (fact.verb === 'release') {
    saga.attention = saga.attention.filter((item) => !item.hold);
    return;
  }
  const { step: path, direction = 'forward' } = fact;
  if (path === undefined) return;
  draft.withoutAttention(path, direction);
  switch (fact.verb) {
    case 'retry': {
      draft.withoutStall(path);
      if (!saga.steps[path]?.[direction]) return;
      const step = draft.edit(path);
      const attempts = draft.editAttempts(step, direction);
      attempts.firstSentAt = at;
      attempts.spent = attempts.attempt;
      if (direction === 'undo' && fact.input !== undefined) step.undoInput = fact.input;
      return;
    }
    case 'skip': {
      const step = draft.edit(path);
      if (step.forward) draft.editAttempts(step, 'forward').status = 'ended';
      step.skipped = true;
      keepResult(step, fact);
      return;
    }
    case 'resolve': {
      if (isFinished(saga)) return;
      // Of an undo it is said that the effect is gone, whether it was undone outside or never was.
      const outcome = direction === 'undo' ? 'succeeded' : (fact.outcome ?? 'succeeded');
      const error = outcome === 'rejected' && {
        code: 'NOTHING_HAPPENED',
        message: `${fact.actor ?? 'somebody'} says so: ${fact.reason ?? 'no reason given'}`,
      };
      if (direction === 'undo') withoutAgain(draft, path);
      const step = settled(draft, path, direction, outcome, error || undefined);
      if (direction === 'forward' && outcome === 'succeeded') keepResult(step, fact);
      return;
    }
    case 'giveUp':
      if (isFinished(saga) || direction === 'forward') return;
      withoutAgain(draft, path);
      draft.editAttempts(draft.edit(path), direction).status = 'ended';
      saga.gaveUp = true;
      return;
    case 'undo':
      return;
  }
}

/** A person has decided about the undo, so that no further one follows. */
function withoutAgain(draft: Draft, path: string): void {
  if (draft.step(path).undo?.again) delete draft.editAttempts(draft.edit(path), 'undo').again;
}

/** The attempts of the step are over, and this is how they ended. */
function settled(
  draft: Draft,
  path: string,
  direction: Direction,
  outcome: 'succeeded' | 'rejected',
  error?: Attempts['error'],
): WritableStep {
  draft.withoutAttention(path, direction);
  const step = draft.edit(path);
  const attempts = draft.editAttempts(step, direction, 'untimed');
  attempts.status = 'ended';
  attempts.outcome = outcome;
  if (error) attempts.error = error;
  return step;
}
