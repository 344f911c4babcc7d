import type { Direction } from '@counterstep/protocol';
import type { Attempts, Fact, HistoryRecord, Saga, StepProgress } from './saga.js';

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

/** The flat context: input fields, overlaid by the results of the steps that succeeded. */
export function contextData(saga: Saga): Record<string, unknown> {
  return { ...saga.input, ...resultsOf(saga) };
}

export function resultsOf(saga: Saga): Record<string, unknown> {
  const results: Record<string, unknown> = {};
  for (const step of Object.values(saga.steps))
    if (step.forward?.outcome === 'succeeded') results[step.path] = step.output ?? null;
  return results;
}

/** A saga before its first record; shared by `decide`, which needs a subject for the facts of a start. */
function born(sagaId: string, fact: Extract<Fact, { type: 'started' }>, at: number): Saga {
  return {
    sagaId,
    workflow: fact.workflow,
    version: 0,
    state: 'pending',
    direction: 'forward',
    aim: 'completed',
    paused: false,
    attention: [],
    input: fact.input,
    steps: {},
    ...(fact.startAt !== undefined && { startAt: fact.startAt }),
    createdAt: at,
    updatedAt: at,
  };
}

/** The saga after one fact. */
export function apply(saga: Saga | undefined, sagaId: string, fact: Fact, at: number): Saga {
  if (fact.type === 'started') return born(sagaId, fact, at);
  if (!saga) throw new Error(`the history of saga ${sagaId} does not begin with 'started'`);
  switch (fact.type) {
    case 'entered':
      return withStep(saga, { path: fact.step, stage: fact.stage, taken: fact.taken });
    case 'command':
      return commanded(saga, fact, at);
    case 'replied':
      return replied(saga, fact);
    case 'timedOut':
      return changeAttempts(saga, fact.step, fact.direction, ({ dueAt: _, ...attempts }) => ({
        ...attempts,
        outcome: 'unknown',
        uncertain: true,
        error: fact.error,
      }));
    case 'retryPlanned':
      return changeAttempts(saga, fact.step, fact.direction, (attempts) => ({
        ...attempts,
        status: 'waiting',
        dueAt: at + fact.delay,
      }));
    case 'gaveUp':
      return changeAttempts(saga, fact.step, fact.direction, ({ dueAt: _, ...attempts }) => ({
        ...attempts,
        status: fact.direction === 'undo' ? 'stuck' : 'ended',
      }));
    case 'lateSuccess': {
      const late = changeAttempts(saga, fact.step, 'forward', (attempts) => ({
        ...attempts,
        outcome: 'succeeded',
      }));
      return withResult(late, fact.step, fact);
    }
    case 'turned':
      return {
        ...saga,
        direction: 'undo',
        aim: fact.aim,
        ...(fact.cause && !saga.cause && { cause: fact.cause }),
      };
    case 'attention': {
      const { type: _, ...item } = fact;
      return { ...saga, attention: [...saga.attention, item] };
    }
    case 'cancelRequested':
      return saga;
    case 'finished':
      // What a person was asked for is moot now; history keeps it.
      return { ...saga, state: fact.state, attention: [] };
  }
}

function commanded(saga: Saga, fact: Extract<Fact, { type: 'command' }>, at: number): Saga {
  const step = stepOf(saga, fact.step);
  const former = step[fact.direction];
  const sameRun = former?.run === fact.run ? former : undefined;
  const attempts: Attempts = {
    run: fact.run,
    attempt: fact.attempt,
    status: 'running',
    dueAt: at + fact.timeout,
    firstSentAt: sameRun?.firstSentAt ?? at,
    sentAt: at,
    uncertain: sameRun?.uncertain ?? false,
    ...(sameRun?.outcome && { outcome: sameRun.outcome }),
    ...(sameRun?.error && { error: sameRun.error }),
  };
  const first = fact.direction === 'forward' && !sameRun;
  const input = first ? { input: 'input' in fact ? fact.input : contextData(saga) } : {};
  const { startAt: _, ...begun } = saga;
  return withStep({ ...begun, state: 'running' }, { ...step, ...input, [fact.direction]: attempts });
}

function replied(saga: Saga, fact: Extract<Fact, { type: 'replied' }>): Saga {
  const definite =
    fact.outcome === 'succeeded' || (fact.outcome === 'rejected' && fact.direction === 'forward');
  const after = changeAttempts(saga, fact.step, fact.direction, ({ dueAt: _, ...attempts }) => ({
    ...attempts,
    status: definite ? 'ended' : attempts.status,
    outcome: fact.outcome,
    uncertain: attempts.uncertain || fact.outcome === 'failed' || fact.outcome === 'unknown',
    ...(fact.error && { error: fact.error }),
    ...(fact.noop && { noop: true }),
  }));
  if (fact.direction === 'undo') return after;
  if (fact.outcome === 'succeeded') return withResult(after, fact.step, fact);
  // What a failed attempt says about its effect is all that its undo can go by.
  const { undoData } = fact;
  return undoData === undefined ? after : withResult(after, fact.step, { undoData });
}

function withResult(saga: Saga, path: string, from: { output?: unknown; undoData?: unknown }): Saga {
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
