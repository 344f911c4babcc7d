import type { Direction } from '@counterstep/protocol';
import { flatContextFor, resultsOf, resultsOfItems } from './scope.js';
import type { AttentionItem, Attempts, Fact, HistoryRecord, Saga, StepProgress } from './saga.js';
import { illegal } from './transitions.js';

/**
 * The saga after one more record. Knows nothing of workflows or policies: the facts say all, so that history can be read
 * by whoever lacks the definition. `evolve` and nothing else builds a saga, when it runs and when it is loaded.
 */
export function evolve(saga: Saga | undefined, sagaId: string, record: HistoryRecord): Saga {
  let next = saga;
  for (const fact of record.facts) next = apply(next, sagaId, fact, record.at);
  if (!next) throw new Error(`the history of saga ${sagaId} does not begin with 'started'`);
  return { ...next, version: record.seq, updatedAt: record.at };
}

/** The saga that a history tells of; undefined for an empty one. */
export function fold(sagaId: string, history: readonly HistoryRecord[]): Saga | undefined {
  let saga: Saga | undefined;
  for (const record of history) saga = evolve(saga, sagaId, record);
  return saga;
}

/** The saga after one fact. */
export function apply(saga: Saga | undefined, sagaId: string, fact: Fact, at: number): Saga {
  if (fact.type === 'started') return born(sagaId, fact, at);
  if (!saga) throw new Error(`the history of saga ${sagaId} does not begin with 'started'`);
  const change = CHANGES[fact.type] as Change<Fact['type']> | undefined;
  if (!change)
    throw new Error(`the history of saga ${sagaId} has a fact '${fact.type}', unknown to this version`);
  const next = change(saga, fact, at);
  const problem = illegal(saga, next, fact);
  if (problem !== undefined) throw new Error(`the history of saga ${sagaId}: ${problem}`);
  return next;
}

type Change<Type extends Fact['type']> = (
  saga: Saga,
  fact: Extract<Fact, { type: Type }>,
  at: number,
) => Saga;

const CHANGES: { readonly [Type in Exclude<Fact['type'], 'started'>]: Change<Type> } = {
  entered,
  command: commanded,
  replied,
  timedOut: (saga, { step, direction, error }) =>
    changeAttempts(saga, step, direction, ({ dueAt: _, ...attempts }) => ({
      ...attempts,
      outcome: 'unknown',
      uncertain: true,
      error,
    })),
  retryPlanned: (saga, { step, direction, delay }, at) =>
    changeAttempts(saga, step, direction, (attempts) => ({
      ...attempts,
      status: 'waiting',
      dueAt: at + delay,
    })),
  heartbeat: (saga, { step, direction, attempt, undoData, timeout }, at) =>
    withResult(
      changeAttempts(saga, step, direction, (attempts) =>
        attempts.status === 'running' && attempts.attempt === attempt
          ? { ...attempts, dueAt: at + timeout }
          : attempts,
      ),
      step,
      { undoData },
    ),
  gaveUp,
  lateSuccess: (saga, fact) => {
    const late = settled(saga, fact.step, 'forward', 'succeeded');
    const { undo } = stepOf(late, fact.step);
    const marked = undo && fact.again ? { undo: { ...undo, again: fact.again } } : {};
    return withResult(withStep(late, { ...stepOf(late, fact.step), ...marked }), fact.step, fact);
  },
  lateRejection: (saga, { step, error }) => settled(saga, step, 'forward', 'rejected', error),
  lateReply: (saga, fact) => {
    if (fact.outcome !== 'succeeded' && fact.outcome !== 'rejected') return saga;
    const late = settled(saga, fact.step, fact.direction, fact.outcome, fact.error);
    return fact.direction === 'forward' ? withResult(late, fact.step, fact) : late;
  },
  lost: (saga, { step, keep }) => withStep(saga, { ...stepOf(saga, step), lost: keep ? 'keep' : 'undo' }),
  concluded,
  joined: (saga, { group, scope, stage, patch }) => ({
    ...withoutStall(saga, group),
    joined: [...(saga.joined ?? []), { scope, stage, patch }],
  }),
  stalled: (saga, { step, tries, delay }, at) => ({
    ...saga,
    stalls: [
      ...(saga.stalls ?? []).filter((stall) => stall.step !== step),
      { step, tries, ...(delay !== undefined && { dueAt: at + delay }) },
    ],
  }),
  turned: ({ deadline: _, cancelWanted: __, ...saga }, { aim, cause }) => ({
    ...saga,
    direction: 'undo',
    aim,
    ...(cause && !saga.cause && { cause }),
  }),
  attention: (saga, { type: _, ...item }, at) => {
    const noted = { ...saga, attention: [...saga.attention, { ...item, since: at }] };
    const { step, direction } = item;
    if (step === undefined || !direction || !saga.steps[step]?.[direction]) return noted;
    return changeAttempts(noted, step, direction, (attempts) => ({ ...attempts, status: 'stuck' }));
  },
  cancelRequested: (saga, { waits }) => {
    if (!waits) return saga;
    const { deadline: _, ...rest } = saga;
    return { ...rest, cancelWanted: waits };
  },
  cancelDropped: ({ cancelWanted: _, ...saga }) => saga,
  overdue: ({ deadline: _, ...saga }) => saga,
  paused: (saga) => ({ ...saga, paused: true }),
  resumed: (saga) => ({ ...saga, paused: false }),
  terminated: (saga) => saga,
  signalled: (saga, { id, name, data }) => ({
    ...saga,
    signals: [...(saga.signals ?? []), { id, name, ...(data !== undefined && { data }) }],
    signalIds: [...(saga.signalIds ?? []), id],
  }),
  intervened,
  finished: ({ deadline: _, stalls: __, signals: ___, cancelWanted: ____, ...saga }, { state }) => ({
    ...saga,
    state,
    // What a person was asked for is moot now; history keeps it.
    attention: [],
  }),
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

function entered(saga: Saga, { type: _, step, ...fact }: Extract<Fact, { type: 'entered' }>): Saga {
  const { startAt: __, ...begun } = withoutStall(saga, step);
  // A sub-workflow without a mapper is given the context, which is not repeated in the history.
  const flat = fact.kind === 'workflow' && fact.taken && fact.input === undefined;
  return withStep(
    { ...begun, state: 'running' },
    { path: step, ...fact, ...(flat && { input: flatContextFor(saga, step) }) },
  );
}

function commanded(saga: Saga, fact: Extract<Fact, { type: 'command' }>, at: number): Saga {
  const step = stepOf(saga, fact.step);
  const former = step[fact.direction];
  const sameRun = former?.run === fact.run ? former : undefined;
  const attempts: Attempts = {
    ...(sameRun ?? { firstSentAt: at, uncertain: false }),
    run: fact.run,
    attempt: fact.attempt,
    status: 'running',
    dueAt: at + fact.timeout,
    sentAt: at,
  };
  const isFirst = fact.direction === 'forward' && !sameRun;
  let { input } = step;
  if (isFirst && 'input' in fact) ({ input } = fact);
  else if (isFirst && !former) input = flatContextFor(saga, fact.step);
  return withStep(saga, { ...step, ...(isFirst && { input }), [fact.direction]: attempts });
}

function replied(saga: Saga, fact: Extract<Fact, { type: 'replied' }>, at: number): Saga {
  const isDefinite =
    fact.outcome === 'succeeded' || (fact.outcome === 'rejected' && fact.direction === 'forward');
  const before = isDefinite ? withoutAttention(saga, fact.step, fact.direction) : saga;
  const after = changeAttempts(before, fact.step, fact.direction, ({ dueAt: _, ...attempts }) => ({
    ...attempts,
    status: isDefinite ? 'ended' : attempts.status,
    outcome: fact.outcome,
    uncertain: attempts.uncertain || fact.outcome === 'failed' || fact.outcome === 'unknown',
    ...(isDefinite && { endedAt: at }),
    ...(fact.error && { error: fact.error }),
    ...(fact.noop && { noop: true }),
  }));
  if (fact.direction === 'undo') return after;
  if (fact.outcome === 'succeeded') return withResult(after, fact.step, fact);
  // What a failed attempt says about its effect is all that its undo can go by.
  return withResult(after, fact.step, { undoData: fact.undoData });
}

function gaveUp(
  saga: Saga,
  { step, direction, unawaited }: Extract<Fact, { type: 'gaveUp' }>,
  at: number,
): Saga {
  if (direction === 'undo')
    return changeAttempts(saga, step, direction, ({ dueAt: _, ...attempts }) => ({
      ...attempts,
      status: 'stuck',
    }));
  const free = withoutAttention(withoutStall(saga, step), step, direction);
  const { until: _, ...progress } = free.steps[step] ?? {};
  if (!('path' in progress)) return free;
  const stopped = withStep(free, progress);
  if (!progress.forward) return stopped;
  return changeAttempts(stopped, step, direction, ({ dueAt: __, ...attempts }) => ({
    ...attempts,
    status: 'ended',
    endedAt: at,
    ...(unawaited && { outcome: 'unknown', uncertain: true }),
  }));
}

function concluded(saga: Saga, fact: Extract<Fact, { type: 'concluded' }>, at: number): Saga {
  const { until: _, ...step } = stepOf(saga, fact.step);
  const free = withoutAttention(withoutStall(saga, fact.step), fact.step, 'forward');
  const ended = withStep(free, {
    ...step,
    outcome: fact.outcome,
    endedAt: at,
    ...(fact.error && { error: fact.error }),
  });
  const taken: Saga =
    fact.signalId === undefined
      ? ended
      : { ...ended, signals: (ended.signals ?? []).filter(({ id }) => id !== fact.signalId) };
  if (fact.outcome === 'rejected') return taken;
  if (fact.output !== undefined) return withResult(taken, fact.step, fact);
  if (step.kind === 'map') return withResult(taken, fact.step, { output: resultsOfItems(saga, step) });
  if (step.kind === 'workflow') return withResult(taken, fact.step, { output: resultsOf(saga, fact.step) });
  return taken;
}

function intervened(saga: Saga, fact: Extract<Fact, { type: 'intervened' }>, at: number): Saga {
  if (fact.verb === 'release') return { ...saga, attention: saga.attention.filter((item) => !item.hold) };
  const { step, direction = 'forward' } = fact;
  if (step === undefined) return saga;
  const free = withoutAttention(saga, step, direction);
  const progress = free.steps[step];
  switch (fact.verb) {
    case 'retry': {
      const fresh = withoutStall(free, step);
      if (!progress?.[direction]) return fresh;
      const edited = direction === 'undo' && fact.input !== undefined && { undoInput: fact.input };
      return changeAttempts(withStep(fresh, { ...progress, ...edited }), step, direction, (attempts) => ({
        ...attempts,
        firstSentAt: at,
        spent: attempts.attempt,
      }));
    }
    case 'skip': {
      const { forward, ...rest } = stepOf(free, step);
      const ended = forward && { forward: { ...forward, status: 'ended' as const } };
      return withResult(withStep(free, { ...rest, ...ended, skipped: true }), step, fact);
    }
    case 'resolve': {
      if (isOver(saga)) return free;
      // Of an undo it is said that the effect is gone, whether it was undone outside or never was.
      const outcome = direction === 'undo' ? 'succeeded' : (fact.outcome ?? 'succeeded');
      const error = outcome === 'rejected' && {
        code: 'NOTHING_HAPPENED',
        message: `${fact.actor ?? 'somebody'} says so: ${fact.reason ?? 'no reason given'}`,
      };
      const before = direction === 'undo' ? withoutAgain(free, step) : free;
      const done = settled(before, step, direction, outcome, error || undefined);
      return direction === 'forward' && outcome === 'succeeded' ? withResult(done, step, fact) : done;
    }
    case 'giveUp':
      if (isOver(saga)) return free;
      if (direction === 'forward') return free;
      return {
        ...changeAttempts(withoutAgain(free, step), step, direction, (attempts) => ({
          ...attempts,
          status: 'ended',
        })),
        gaveUp: true,
      };
    case 'undo':
      return free;
  }
}

/** A person has decided about the undo, so that no further one follows. */
function withoutAgain(saga: Saga, path: string): Saga {
  const { undo, ...step } = stepOf(saga, path);
  if (!undo?.again) return saga;
  const { again: _, ...rest } = undo;
  return withStep(saga, { ...step, undo: rest });
}

function isOver(saga: Saga): boolean {
  return saga.state !== 'pending' && saga.state !== 'running';
}

/** The attempts of the step are over, and this is how they ended. */
function settled(
  saga: Saga,
  step: string,
  direction: Direction,
  outcome: 'succeeded' | 'rejected',
  error?: Attempts['error'],
): Saga {
  return changeAttempts(
    withoutAttention(saga, step, direction),
    step,
    direction,
    ({ dueAt: _, ...attempts }) => ({
      ...attempts,
      status: 'ended',
      outcome,
      ...(error && { error }),
    }),
  );
}

function withoutAttention(saga: Saga, step: string, direction: Direction): Saga {
  const isOther = (item: AttentionItem): boolean =>
    item.step !== step || (item.direction ?? 'forward') !== direction;
  if (saga.attention.every(isOther)) return saga;
  return { ...saga, attention: saga.attention.filter(isOther) };
}

function withoutStall({ stalls, ...saga }: Saga, step: string): Saga {
  const others = (stalls ?? []).filter((stall) => stall.step !== step);
  return others.length > 0 ? { ...saga, stalls: others } : saga;
}

function withResult(saga: Saga, path: string, from: { output?: unknown; undoData?: unknown }): Saga {
  if (from.output === undefined && from.undoData === undefined) return saga;
  const step = stepOf(saga, path);
  return withStep(saga, {
    ...step,
    ...(from.output !== undefined && { output: from.output }),
    ...(from.undoData !== undefined && { undoData: from.undoData }),
  });
}

function changeAttempts(
  saga: Saga,
  path: string,
  direction: Direction,
  change: (attempts: Attempts) => Attempts,
): Saga {
  const step = stepOf(saga, path);
  const attempts = step[direction];
  if (!attempts) throw new Error(`saga ${saga.sagaId}: step ${path} has no ${direction} attempt`);
  return withStep(saga, { ...step, [direction]: change(attempts) });
}

function stepOf(saga: Saga, path: string): StepProgress {
  const step = saga.steps[path];
  if (!step) throw new Error(`saga ${saga.sagaId}: step ${path} was never entered`);
  return step;
}

function withStep(saga: Saga, step: StepProgress): Saga {
  return { ...saga, steps: { ...saga.steps, [step.path]: step } };
}
