import { describe, expect, test } from '@jest/globals';
import type { HistoryRecord, SagaStatus } from '@counterstep/core';
import { runInProcess } from '@counterstep/engine';
import {
  BaseStep,
  ConsoleRuntimeContext,
  StepExecutionError,
  StepOrchestrator,
  StepResult,
} from '@counterstep/steps';
import fc from 'fast-check';
import { TRIP, registryOf, step, type Behaviour, type TripContext } from '../../test-support/hosted-steps.js';
import { hostings, type Hosting } from '../../test-support/hosting.js';
import { toWorkflow, type ToWorkflowOptions } from '../index.js';
import { fieldsOf } from './travelling-context.js';

/* The same steps, once run by the step engine in this process, once hosted by a worker. */

const open = hostings();
const INPUT = { traveller: 'Ada' };
const quiet = new ConsoleRuntimeContext({ output: { write: () => true } });

type Steps = Readonly<Record<string, Behaviour>>;
type Result = Pick<StepResult, 'success' | 'skipped' | 'data' | 'error'>;

/** How a run went, in words that both have. */
interface Story {
  /** `name` for execute, `undo name` for rollback. */
  readonly did: string[];
  /** After each step that succeeded or was skipped. */
  readonly percents: number[];
  readonly results: Result[];
  /** Fields of the context at the end. */
  readonly state: unknown;
  readonly failure: { readonly step: string; readonly reason: string } | null;
}

/** The steps, noting what they are called for. */
function stepsOf(steps: Steps, did: string[]): BaseStep<TripContext>[] {
  return Object.entries(steps).map(([name, { execute, rollback, ...behaviour }]) =>
    step(name, {
      ...behaviour,
      execute: (context, signal) => {
        did.push(name);
        return execute ? execute(context, signal) : new StepResult();
      },
      rollback: (context, result, signal) => {
        did.push(`undo ${name}`);
        return rollback?.(context, result, signal);
      },
    }),
  );
}

async function inProcess(steps: Steps): Promise<Story & { errors: readonly string[] }> {
  const [did, percents]: [string[], number[]] = [[], []];
  const context = TRIP.createContext(quiet, INPUT);
  const note = (percent: number) => percents.push(percent);
  const registry = registryOf(...stepsOf(steps, did));
  const error: unknown = await new StepOrchestrator(registry, context, note)
    .execute()
    .catch((thrown: unknown) => thrown);
  const { stepResults, errors } = context;
  const last = stepResults.at(-1);
  const failure =
    error instanceof StepExecutionError
      ? { step: error.step, reason: last?.error ?? 'it gave no reason' }
      : null;
  // The results of a saga are keyed by step and told without what they are undone by.
  const results = stepResults.map(({ success, skipped, data, error: why }) => ({
    success,
    skipped,
    data,
    error: why,
  }));
  const state = { ...fieldsOf(context, new Set(TRIP.local)), errors: [] };
  return { did, percents, results, state, failure, errors };
}

/** Sees how far the saga is, before the step it is put around. */
class Watched extends BaseStep<TripContext> {
  readonly name: string;
  readonly progressWeight: number;
  constructor(
    readonly step: BaseStep<TripContext>,
    readonly look: (sagaId: string) => Promise<void>,
  ) {
    super();
    this.name = step.name;
    this.progressWeight = step.progressWeight;
  }
  override async canSkip(context: TripContext, signal: AbortSignal): Promise<boolean> {
    await this.look(context.hosted.sagaId);
    return this.step.canSkip(context, signal);
  }
  async execute(context: TripContext, signal: AbortSignal): Promise<StepResult> {
    return this.step.execute(context, signal);
  }
  override async rollback(context: TripContext, result: StepResult, signal: AbortSignal): Promise<void> {
    await this.step.rollback(context, result, signal);
  }
}

async function hosted(
  steps: Steps,
  options: Partial<ToWorkflowOptions<TripContext>> = {},
): Promise<Story & { status: SagaStatus; hosting: Hosting }> {
  const [did, percents]: [string[], number[]] = [[], []];
  const look = async (sagaId: string): Promise<void> => {
    percents.push((await hosting.orchestrator.getStatus(sagaId)).progress);
  };
  const watched = stepsOf(steps, did).map((each) => new Watched(each, look));
  const trip = toWorkflow('trip', registryOf(...watched), { ...TRIP, ...options });
  const hosting = await open(trip);
  const status = await hosting.run(INPUT);
  if (status.state === 'completed') percents.push(status.progress);
  const { stepResults, cause } = status;
  const results = Object.keys(steps)
    .filter((name) => name in stepResults)
    .map((name) => {
      const { success, skipped, data, error } = stepResults[name] as Result;
      return { success, skipped, data, error };
    });
  const failed = status.steps.find(({ forward }) => forward?.outcome === 'rejected')?.forward?.error;
  if (failed) results.push({ success: false, skipped: false, data: {}, error: failed.message });
  const failure = cause ? { step: cause.step ?? '', reason: cause.message } : null;
  // Before the first step nothing is done: the step engine does not say so.
  return {
    did,
    percents: percents.slice(1),
    results,
    state: trip.stateOf(stepResults),
    failure,
    status,
    hosting,
  };
}

async function both(steps: Steps): Promise<Story> {
  const here = await inProcess(steps);
  const { did, percents, results, state, failure, status } = await hosted(steps);
  const there = { did, percents, results, state, failure };
  const { errors, ...whole } = here;
  expect(errors).toEqual([]);
  // A saga is at 100 when it is completed, and not before.
  const atMost = (percent: number, index: number) =>
    index + 1 === whole.percents.length && failure === null ? percent : Math.min(percent, 99);
  const expected = { ...whole, percents: whole.percents.map(atMost) };
  // Without one step that succeeded there is no context that a saga could know of.
  expect({ ...there, state: results.some(({ success }) => success) ? state : expected.state }).toEqual(
    expected,
  );
  expect(status.state).toBe(failure ? 'compensated' : 'completed');
  return expected;
}

const stay = (city: string): Behaviour => ({
  execute: (context) => {
    context.stay(city, context.stepResults.length + 1);
    return new StepResult({ data: { city, nights: context.nights }, rollbackData: { city } });
  },
});

describe('in process and hosted by a worker, the same steps', () => {
  test('succeed with the same results, context and progress', async () => {
    const { did, percents, state } = await both({
      check: { weight: 0.1 },
      rome: { ...stay('Rome'), weight: 0.7 },
      oslo: { ...stay('Oslo'), weight: 0.15 },
      tell: {
        weight: 0.05,
        execute: (context) => ((context.note = String(context.nights)), new StepResult()),
      },
    });
    expect(did).toEqual(['check', 'rome', 'oslo', 'tell']);
    expect(percents).toEqual([10, 80, 95, 100]);
    expect(state).toMatchObject({ note: '5' });
  });

  test('count alike when they have no weight', async () => {
    const { percents } = await both({ a: { weight: 0 }, b: { weight: 0 }, c: { weight: 0 } });
    expect(percents).toEqual([33, 66, 100]);
  });

  test('are skipped, by canSkip or by their own word, and then not rolled back', async () => {
    const { did, results } = await both({
      rome: stay('Rome'),
      asked: { canSkip: ({ nights }) => nights > 0 },
      itself: { execute: () => new StepResult({ skipped: true, data: { why: 'full' } }) },
      oslo: stay('Oslo'),
      full: { execute: () => new StepResult({ success: false, error: 'no room' }) },
    });
    expect(results.map(({ skipped }) => skipped)).toEqual([false, true, true, false, false]);
    expect(did).toEqual(['rome', 'itself', 'oslo', 'full', 'undo oslo', 'undo rome']);
  });

  test.each<[how: string, execute: Behaviour['execute'], reason: string]>([
    ['say so', () => new StepResult({ success: false, error: 'Out of memory' }), 'Out of memory'],
    ['throw', () => Promise.reject(new Error('no such table')), 'no such table'],
    ['return no result', () => [], 'execute returned an array, not a StepResult'],
  ])(
    'fail in the middle as they %s, and are rolled back in the same order',
    async (_how, execute, reason) => {
      const { did, failure } = await both({
        rome: stay('Rome'),
        oslo: stay('Oslo'),
        fails: execute ? { execute } : {},
        paris: stay('Paris'),
      });
      expect(did).toEqual(['rome', 'oslo', 'fails', 'undo oslo', 'undo rome']);
      expect(failure).toEqual({ step: 'fails', reason });
    },
  );

  test('give their rollbacks the same results', async () => {
    const seen: unknown[] = [];
    const rollback: Behaviour['rollback'] = (
      { currentStep },
      { success, data, error, rollbackData, skipped },
    ) => seen.push({ currentStep, success, data, error, rollbackData, skipped });
    const fails = { execute: () => Promise.reject(new Error('full')) };
    await both({ rome: { ...stay('Rome'), rollback }, oslo: { ...stay('Oslo'), rollback }, fails });
    expect(seen).toHaveLength(4);
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
  });

  test('come to the same, whatever they are', async () => {
    const kinds: Readonly<Record<string, Behaviour>> = {
      stay: stay('Rome'),
      skip: { canSkip: () => true },
      skipItself: { execute: () => new StepResult({ skipped: true }) },
      forget: {
        execute: (context) => ((context.total = undefined), void context.stops.shift(), new StepResult()),
      },
      remember: {
        execute: (context) => (
          (context.total = context.stops.length),
          (context.extras['n'] = null),
          new StepResult()
        ),
      },
      fail: { execute: () => new StepResult({ success: false, error: 'no' }) },
      throw: { execute: () => Promise.reject(new TypeError('no')) },
    };
    const one = fc.record({
      kind: fc.constantFrom(...Object.keys(kinds)),
      weight: fc.integer({ min: 0, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 7 }), async (drawn) => {
        await both(
          Object.fromEntries(
            drawn.map(({ kind, weight }, index) => [`${kind}-${index}`, { ...kinds[kind], weight }]),
          ),
        );
      }),
      { numRuns: 25 },
    );
  });
});

describe('as a saga in one process, the same steps', () => {
  const asSaga = async (steps: Steps) => {
    const did: string[] = [];
    const { workflow, functions, stateOf } = toWorkflow('trip', registryOf(...stepsOf(steps, did)), TRIP);
    const { state, cause, results } = await runInProcess(workflow, functions, INPUT);
    return { did, state, cause, fields: stateOf(results) };
  };

  test('succeed with the same context', async () => {
    const steps = { rome: stay('Rome'), skipped: { canSkip: () => true }, oslo: stay('Oslo') };
    const { did, state, fields } = await asSaga(steps);
    const { did: expected, state: context } = await inProcess(steps);
    expect({ state, did, fields }).toEqual({ state: 'completed', did: expected, fields: context });
  });

  test('are rolled back in the same order', async () => {
    const fails = { execute: () => new StepResult({ success: false, error: 'full' }) };
    const steps = { rome: stay('Rome'), skipped: { canSkip: () => true }, oslo: stay('Oslo'), fails };
    const { did, state, cause } = await asSaga(steps);
    expect([state, did]).toEqual(['compensated', (await inProcess(steps)).did]);
    expect(cause).toMatchObject({ step: 'fails', code: 'STEP_FAILED', message: 'full' });
  });
});

describe('as a saga in one process and hosted by a worker, the same steps have the same history', () => {
  const TIMES = new Set(['timestamp', 'dueAt', 'until']);
  const told = (history: readonly HistoryRecord[]): unknown =>
    JSON.parse(
      JSON.stringify(
        history.map(({ event, facts }) => ({ event, facts })),
        (key, value: unknown) => (TIMES.has(key) ? undefined : value),
      ),
    );

  test.each<[how: string, last: Behaviour, state: string]>([
    ['succeed', {}, 'completed'],
    ['fail', { execute: () => new StepResult({ success: false, error: 'full' }) }, 'compensated'],
    ['throw', { execute: () => Promise.reject(new Error('no such table')) }, 'compensated'],
  ])('when they %s', async (_how, last, state) => {
    const steps = { rome: stay('Rome'), skipped: { canSkip: () => true }, oslo: stay('Oslo'), last };
    const trip = () => toWorkflow('trip', registryOf(...stepsOf(steps, [])), TRIP);
    const { workflow, functions } = trip();
    const here = await runInProcess(workflow, functions, INPUT);
    const hosting = await open(trip());
    const { sagaId } = await hosting.run(INPUT);
    expect(here.state).toBe(state);
    expect(told(here.history)).toEqual(told(await hosting.orchestrator.getHistory(sagaId)));
  });
});

describe('on purpose it is not the same', () => {
  test('when a rollback fails: in process the others run at once, hosted it is tried again, and then a person asked', async () => {
    let tries = 0;
    const steps: Steps = {
      rome: stay('Rome'),
      oslo: {
        ...stay('Oslo'),
        rollback: () => {
          tries += 1;
          throw new Error('the lock is held');
        },
      },
      fails: { execute: () => Promise.reject(new Error('full')) },
    };
    const here = await inProcess(steps);
    expect(here.did).toEqual(['rome', 'oslo', 'fails', 'undo oslo', 'undo rome']);
    expect(here.errors).toEqual(["Rollback failed for 'oslo': the lock is held"]);
    tries = 0;
    const { did, status } = await hosted(steps, { undoRetry: { maxRetries: 2, initialDelay: 1 } });
    expect(tries).toBe(3);
    expect(did.slice(3)).toEqual(['undo oslo', 'undo oslo', 'undo oslo']);
    expect(status).toMatchObject({
      state: 'running',
      cause: { message: 'full' },
      attention: [{ code: 'COMPENSATION_FAILED', step: 'oslo' }],
    });
  });

  test('when nobody hears of a step any more: hosted it is rolled back too, as it may have done something', async () => {
    const lost: Behaviour = {
      execute: async (context) => {
        await context.hosted.heartbeat({ upload: 'u-1' });
        return new Promise(() => {});
      },
    };
    const { did, failure } = await hosted(
      { rome: stay('Rome'), lost, oslo: stay('Oslo') },
      { timeout: 1_000, retry: { maxRetries: 0 } },
    );
    expect(did).toEqual(['rome', 'lost', 'undo lost', 'undo rome']);
    expect(failure).toMatchObject({ step: 'lost' });
  });
});
