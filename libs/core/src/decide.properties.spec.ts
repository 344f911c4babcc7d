import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  WorkflowBuilder,
  canonicalJson,
  decide,
  evolve,
  fold,
  isFinished,
  isLive,
  membersOf,
  openAttempts,
  rowOf,
} from './index.js';
import type { CommandEffect, HistoryRecord, ReplyEvent, Saga, SagaEvent, Workflow } from './index.js';
import type { UndoInput } from '@counterstep/protocol';

const SAGA_ID = '01900000-0000-7000-8000-000000000001';
const RUNS = 2_500;

/** A record as it is read back from the store. */
const stored = (record: HistoryRecord): HistoryRecord => JSON.parse(JSON.stringify(record)) as HistoryRecord;

/** As `toStrictEqual`, which takes far longer and is needed only to show the difference. */
function expectSame(actual: unknown, expected: unknown): void {
  if (canonicalJson(actual) !== canonicalJson(expected)) expect(actual).toStrictEqual(expected);
}

/** What the random events must have met at least once, lest the properties hold of nothing. */
const met = new Map<string, number>(
  [
    'late reply ignored',
    'late success attached',
    'time-out',
    'retry sent',
    'undo sent',
    'undo retried',
    'cancel with a command in flight',
    'turn with a command in flight',
    'compensation given up',
    'definition failed',
    'start put off',
    'quarantined',
    'completed',
    'compensated',
    'cancelled',
  ].map((name) => [name, 0]),
);
const meet = (name: string, when = true): void => {
  if (when) met.set(name, (met.get(name) ?? 0) + 1);
};

interface StepShape {
  readonly kind: 'plain' | 'true' | 'false' | 'throws';
  readonly hasUndo: boolean;
  readonly mapped: boolean;
  readonly maxRetries: number;
  readonly barrier: 'transaction' | 'none';
  readonly stepTimeout: number | undefined;
}

const stepShape: fc.Arbitrary<StepShape> = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('plain' as const) },
    { weight: 2, arbitrary: fc.constantFrom('true' as const, 'false' as const) },
    { weight: 1, arbitrary: fc.constant('throws' as const) },
  ),
  hasUndo: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  mapped: fc.boolean(),
  maxRetries: fc.integer({ min: 0, max: 2 }),
  barrier: fc.constantFrom('transaction', 'none'),
  stepTimeout: fc.option(fc.constantFrom(500, 5_000), { nil: undefined, freq: 5 }),
});

/** At most six steps, in items of one to three: more than one is a parallel group. */
const workflows: fc.Arbitrary<Workflow> = fc
  .array(fc.array(stepShape, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6, size: 'max' })
  .map((items) => {
    const builder = new WorkflowBuilder('random');
    let count = 0;
    for (const shapes of items) {
      const members = shapes.slice(0, Math.max(0, 6 - count)).map((shape, index) => ({
        name: `s${count + index}`,
        worker: `q.do${count + index}`,
        ...(shape.hasUndo && { compensation: `q.undo${count + index}` }),
        ...(shape.mapped && { input: () => ({ mapped: true }) }),
        ...(shape.stepTimeout !== undefined && { stepTimeout: shape.stepTimeout }),
        retry: { maxRetries: shape.maxRetries },
        undoRetry: { maxRetries: shape.maxRetries },
        attemptTimeout: 1_000,
        barrier: shape.barrier,
      }));
      count += members.length;
      const [first] = members;
      const kind = shapes[0]?.kind ?? 'plain';
      if (!first) continue;
      if (members.length > 1) builder.addParallelSteps(members);
      else if (kind === 'plain') {
        const { name, worker, ...options } = first;
        builder.addStep(name, worker, options);
      } else {
        const { name, worker, ...options } = first;
        builder.addConditionalStep(name, worker, () => conditionOf(kind), options);
      }
    }
    return builder.build();
  });

function conditionOf(kind: 'true' | 'false' | 'throws'): boolean {
  if (kind === 'throws') throw new Error('the condition failed');
  return kind === 'true';
}

/** Numbers that are read against the saga of the moment, so that most events concern what is going on. */
const actions = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 12, arbitrary: fc.constant('answer' as const) },
      { weight: 4, arbitrary: fc.constant('any reply' as const) },
      { weight: 3, arbitrary: fc.constant('deadline' as const) },
      { weight: 4, arbitrary: fc.constant('timer' as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('cancel' as const, 'start' as const, 'stale deadline' as const),
      },
      {
        weight: 1,
        arbitrary: fc.nat({ max: 29 }).map((n) => (n === 0 ? ('quarantine' as const) : ('timer' as const))),
      },
    ),
    pick: fc.nat({ max: 11 }),
    outcome: fc.oneof(
      { weight: 5, arbitrary: fc.constant('succeeded' as const) },
      fc.constantFrom('rejected' as const, 'failed' as const, 'failed' as const),
    ),
    retryable: fc.boolean(),
    undo: fc.boolean(),
    attempt: fc.integer({ min: 1, max: 3 }),
    // As it comes from JSON, where -0 is 0.
    output: fc.jsonValue({ maxDepth: 1 }).map((value): unknown => JSON.parse(JSON.stringify(value))),
    random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    elapsed: fc.constantFrom(0, 1, 700, 3_000),
  }),
  // Without a size fast-check keeps to some ten, after which hardly a saga has ended.
  { maxLength: 60, size: 'max' },
);
type Action = typeof actions extends fc.Arbitrary<readonly (infer A)[]> ? A : never;

function eventOf(action: Action, saga: Saga): SagaEvent {
  const open = openAttempts(saga);
  const target = open[action.pick % Math.max(1, open.length)];
  const at = target
    ? {
        step: target.step,
        direction: target.direction,
        run: target.attempts.run,
        attempt: target.attempts.attempt,
      }
    : ({ step: `s${action.pick}`, direction: 'forward', run: 1, attempt: 1 } as const);
  const words = {
    outcome: action.outcome,
    ...(action.outcome === 'succeeded'
      ? { output: action.output, undoData: action.pick }
      : { error: { code: 'E', message: 'e', retryable: action.retryable } }),
  };
  switch (action.kind) {
    case 'answer':
      return { type: 'reply', ...at, ...words } satisfies ReplyEvent;
    case 'any reply':
      return {
        type: 'reply',
        step: `s${action.pick}`,
        direction: action.undo ? 'undo' : 'forward',
        run: 1,
        attempt: action.attempt,
        ...words,
      };
    case 'deadline':
      return { type: 'deadline', ...at };
    case 'stale deadline':
      return { type: 'deadline', ...at, attempt: action.attempt };
    case 'start':
      return { type: 'start', sagaId: SAGA_ID, input: {} };
    case 'quarantine':
      return { type: 'quarantine', code: 'POISON', message: 'refused' };
    default:
      return { type: action.kind };
  }
}

function note(
  event: SagaEvent,
  before: Saga,
  kind: string,
  record: HistoryRecord | undefined,
  after: Saga,
): void {
  const inFlight = openAttempts(before).some(({ attempts }) => attempts.status === 'running');
  meet('late reply ignored', event.type === 'reply' && kind === 'ignored');
  meet('cancel with a command in flight', event.type === 'cancel' && kind === 'applied' && inFlight);
  for (const fact of record?.facts ?? []) {
    meet('late success attached', fact.type === 'lateSuccess');
    meet('time-out', fact.type === 'timedOut');
    meet('quarantined', fact.type === 'attention' && fact.hold);
    meet('definition failed', fact.type === 'attention' && fact.code === 'DEFINITION_ERROR');
    meet('compensation given up', fact.type === 'gaveUp' && fact.direction === 'undo');
    meet(
      'turn with a command in flight',
      fact.type === 'turned' &&
        fact.aim === 'compensated' &&
        openAttempts(after).some((o) => o.direction === 'forward'),
    );
    if (fact.type === 'finished') meet(fact.state);
    if (fact.type !== 'command') continue;
    meet('undo sent', fact.direction === 'undo');
    meet('undo retried', fact.direction === 'undo' && fact.attempt > 1);
    meet('retry sent', fact.direction === 'forward' && fact.attempt > 1);
  }
}

/** Attempts count from 1 in each direction, and all of them, the undo too, are given what the first was given. */
function checkCommands(workflow: Workflow, commands: readonly CommandEffect[]): void {
  const first = new Map<string, unknown>();
  const count = new Map<string, number>();
  for (const { step, direction, run, attempt, data } of commands) {
    const series = `${step} ${direction} ${run}`;
    count.set(series, (count.get(series) ?? 0) + 1);
    expect([series, attempt]).toEqual([series, count.get(series)]);
    const { retry, undoRetry, input: mapper } = workflow.step(step);
    expect(attempt).toBeLessThanOrEqual((direction === 'undo' ? undoRetry : retry).maxRetries + 1);
    const input = direction === 'undo' ? (data as UndoInput).input : data;
    if (!first.has(step)) first.set(step, mapper ? { mapped: true } : input);
    expectSame(input, first.get(step));
  }
}

/** Each compensation begins once (again only when its effect proved to stand), after all that came to depend on its effect, and all that is owed is done. */
function checkUndo(workflow: Workflow, history: readonly HistoryRecord[], saga: Saga): void {
  const stages = new Map(
    workflow.items.flatMap((item, stage) => membersOf(item).map((step) => [step.name, stage])),
  );
  const facts = history.flatMap((record) => record.facts);
  const ended = new Set<string>();
  const begun: string[] = [];
  for (const fact of facts) {
    if (fact.type === 'replied' && fact.direction === 'undo' && fact.outcome === 'succeeded') {
      ended.add(fact.step);
    }
    if (fact.type !== 'command' || fact.direction !== 'undo' || fact.attempt > 1 || fact.run > 1) continue;
    const stage = stages.get(fact.step) ?? -1;
    // Begun once; and every later stage that is undone at all was undone before.
    expect(begun).not.toContain(fact.step);
    const open = begun.filter((step) => (stages.get(step) ?? -1) > stage && !ended.has(step));
    // Only a success that became known in the middle of the undo may come out of turn.
    if (!facts.some(({ type }) => type === 'lateSuccess')) {
      expect(open).toEqual([]);
      expect(begun.filter((step) => (stages.get(step) ?? -1) < stage)).toEqual([]);
    }
    begun.push(fact.step);
  }
  if (saga.state !== 'compensated' && saga.state !== 'cancelled') return;
  const owed = workflow.allSteps().filter(({ name, compensation }) => {
    const outcome = saga.steps[name]?.forward?.outcome;
    return compensation !== undefined && outcome !== undefined && outcome !== 'rejected';
  });
  expect([...ended].sort()).toEqual(owed.map(({ name }) => name).sort());
}

describe('decide, whatever happens', () => {
  it('keeps a saga that is the fold of its history, alive, and undone in the reverse of its order', () => {
    fc.assert(
      fc.property(workflows, actions, fc.nat({ max: 7 }), (workflow, list, dice) => {
        const isLater = dice === 7;
        let now = 1_000_000;
        const began = decide(
          workflow,
          undefined,
          { type: 'start', sagaId: SAGA_ID, input: { n: 1 }, ...(isLater && { startAt: now + 500 }) },
          { now, random: 0 },
        );
        if (began.kind !== 'applied') throw new Error('a start is applied');
        meet('start put off', isLater);
        let saga = began.saga;
        let readBack = evolve(undefined, SAGA_ID, stored(began.record));
        const history = [began.record];
        const commands = [...began.effects.commands];
        for (const action of list) {
          now += action.elapsed;
          const event = eventOf(action, saga);
          const decision = decide(workflow, saga, event, { now, random: action.random });
          const record = decision.kind === 'applied' ? decision.record : undefined;
          note(event, saga, decision.kind, record, decision.kind === 'applied' ? decision.saga : saga);
          if (decision.kind !== 'applied') continue;
          if (isFinished(saga)) expect(decision.record.facts[0]?.type).toBe('lateReply');
          if (event.type === 'deadline')
            expect(saga.steps[event.step]?.[event.direction]).toMatchObject({
              status: 'running',
              attempt: event.attempt,
            });
          expect(decision.record.facts.length).toBeGreaterThan(0);
          expect([decision.saga.version, decision.record.seq]).toEqual([saga.version + 1, saga.version + 1]);
          saga = decision.saga;
          history.push(decision.record);
          readBack = evolve(readBack, SAGA_ID, stored(decision.record));
          expectSame(readBack, saga);
          expectSame(rowOf(readBack), rowOf(saga));
          expect(isLive(saga)).toBe(true);
          commands.push(...decision.effects.commands);
          const undoes = decision.effects.commands.some(({ direction }) => direction === 'undo');
          if (undoes) expect(openAttempts(saga).filter((o) => o.direction === 'forward')).toEqual([]);
        }
        expectSame(fold(SAGA_ID, history.map(stored)), saga);
        checkCommands(workflow, commands);
        checkUndo(workflow, history, saga);
      }),
      // One seed: a test that fails now and then is no test. A failure is printed with its path.
      { numRuns: RUNS, seed: 20_260_101 },
    );
    expect([...met].filter(([, times]) => times === 0)).toEqual([]);
  }, 120_000);
});
