import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';
import { anything, loose, problemsOf, real, revoked, step } from '../test-support/loose-builder.js';
import type { Loose } from '../test-support/loose-builder.js';
import { REFUSALS, ValidationError, WARNINGS, WorkflowBuilder } from './index.js';

const child = new WorkflowBuilder('child').addStep('one', 'c.one', 'c.undo').build();
const part = new WorkflowBuilder('part').addStep('late', 'c.late', { retriable: true }).build({ part: true });
const list = (): unknown[] => [];
const group = (members: unknown, options?: unknown): Loose => loose().addParallelSteps(members, options);
const map = (options: object): Loose => loose().addMap('m', { over: list, worker: 'q.m', ...options });
const signal = (options: unknown): Loose => loose().waitForSignal('s', options);
const a = { name: 'a', worker: 'q.a' };
const b = { name: 'b', worker: 'q.b' };
const undone = { compensation: 'q.undo' };
/** A pivot with a step that can be undone before it. */
const pivot = (): Loose =>
  loose().addStep('first', 'q.first', undone).addStep('pay', 'q.pay', { pivot: true });
/** Workflows inside one another, their names in a path as long as asked for. */
const nested = (depth: number, name: string): Loose => {
  let inner = child;
  for (let level = 1; level < depth; level += 1)
    inner = new WorkflowBuilder('w').addWorkflow(name, inner).build() as never;
  return loose().addWorkflow(name, inner);
};
const many = (count: number): Loose => {
  const builder = new WorkflowBuilder('many');
  for (let index = 0; index < count; index += 1) builder.addStep(`s${index}`, 'q.s', 'q.undo');
  return builder as unknown as Loose;
};
const hundred = many(100).build();
const thousand = (): Loose => {
  const builder = loose();
  for (let index = 0; index < 10; index += 1) builder.addWorkflow(`h${index}`, hundred);
  return builder;
};

/** What is refused, the path at which it is, and the definition. */
const table: [code: string, at: string | undefined, builder: Loose][] = [
  ['BAD_NAME', undefined, loose('').addStep('a', 'q.a')],
  ['BAD_NAME', undefined, loose('my order').addStep('a', 'q.a')],
  ['BAD_NAME', undefined, loose(7).addStep('a', 'q.a')],
  ['BAD_NAME', '', loose().addStep('', 'q.a')],
  ['BAD_NAME', '__proto__', loose().addStep('__proto__', 'q.a')],
  ['BAD_NAME', 'constructor', loose().addStep('constructor', 'q.a')],
  ['BAD_NAME', 'réserver', loose().addStep('réserver', 'q.a')],
  ['BAD_NAME', 'a.', loose().addStep('a.', 'q.a')],
  ['BAD_NAME', 'a/b', loose().addStep('a/b', 'q.a')],
  ['BAD_NAME', '*', loose().addStep('*', 'q.a')],
  ['BAD_NAME', 'a\n', loose().addStep('a\n', 'q.a')],
  ['BAD_NAME', 'undefined', loose().addStep(undefined, 'q.a')],
  ['BAD_NAME', 'x'.repeat(101), loose().addStep('x'.repeat(101), 'q.a')],
  ['BAD_NAME', 'undefined', group([{ worker: 'q.a' }])],
  ['BAD_NAME', '', loose().addWorkflow('', child)],
  ['BAD_NAME', '', loose().addMap('', { over: list, worker: 'q.m' })],
  ['BAD_NAME', '', loose().sleep('', 5)],
  ['BAD_VERSION', undefined, loose('w', { version: 0 }).addStep('a', 'q.a')],
  ['BAD_VERSION', undefined, loose('w', { version: 1.5 }).addStep('a', 'q.a')],
  ['BAD_VERSION', undefined, loose('w', { version: 2 ** 31 }).addStep('a', 'q.a')],
  ['BAD_OPTIONS', undefined, loose('w', null).addStep('a', 'q.a')],
  ['BAD_OPTIONS', undefined, loose('w', new Map()).addStep('a', 'q.a')],
  ['BAD_OPTIONS', 'a', step(null)],
  ['BAD_OPTIONS', 'a', step([])],
  ['BAD_OPTIONS', 'a', step({ retry: 5 })],
  ['BAD_OPTIONS', undefined, loose().addStep('a', 'q.a').withRetryConfig(null)],
  ['BAD_OPTIONS', undefined, group([a], null)],
  ['BAD_OPTIONS', undefined, group([a], { reducers: [] })],
  ['UNKNOWN_OPTION', undefined, loose('w', { inputSchema: z.object({}) }).addStep('a', 'q.a')],
  ['UNKNOWN_OPTION', 'a', step({ timeout: 5 })],
  ['UNKNOWN_OPTION', 'a', step({ retry: { retries: 5 } })],
  ['UNKNOWN_OPTION', undefined, loose().addStep('a', 'q.a').withRetryConfig({ max_retries: 5 })],
  ['UNKNOWN_OPTION', undefined, group([a], { joins: 'any' })],
  ['UNKNOWN_OPTION', 'a', group([{ ...a, kind: 'step' }])],
  ['UNKNOWN_OPTION', 'a', loose().addConditionalStep('a', 'q.a', list, { condition: list })],
  ['UNKNOWN_OPTION', 'c', loose().addWorkflow('c', child, { retry: {} })],
  ['UNKNOWN_OPTION', 'm', loose().addMap('m', { over: list, workflow: child, retry: {} })],
  ['UNKNOWN_OPTION', 's', signal({ timeout: 5, approval: true })],
  ['NOT_A_FLAG', 'a', step({ readOnly: 'yes' })],
  ['NOT_A_FLAG', 'a', step({ undoNeedsOutput: 1 })],
  ['NOT_A_FLAG', undefined, group([a], { keep: 'all' })],
  ['NOT_A_FUNCTION', 'a', loose().addConditionalStep('a', 'q.a', 'yes')],
  ['NOT_A_FUNCTION', 'a', loose().addConditionalStep('a', 'q.a', undefined)],
  ['NOT_A_FUNCTION', 'a', step({ condition: true })],
  ['NOT_A_FUNCTION', 'a', step({ input: { amount: 1 } })],
  ['NOT_A_FUNCTION', 'c', loose().addWorkflow('c', child, { output: 'one' })],
  ['NOT_A_FUNCTION', 'm', map({ over: ['a list'] })],
  ['NOT_A_FUNCTION', 'm', map({ over: undefined })],
  ['NOT_A_FUNCTION', 's', loose().sleepUntil('s', '2030-01-01')],
  ['NOT_A_FUNCTION', 's', loose().sleepUntil('s')],
  ['NOT_A_FUNCTION', undefined, group([{ ...a, writes: ['n'] }], { reducers: { n: 'sum' } })],
  ['NOT_A_SCHEMA', undefined, loose('w', { input: { type: 'object' } }).addStep('a', 'q.a')],
  ['NOT_A_SCHEMA', 'a', step({ output: 'string' })],
  ['NOT_A_SCHEMA', 'a', step({ output: revoked({}) })],
  ['NOT_A_SCHEMA', 's', signal({ timeout: 5, output: {} })],
  ['SCHEMA_NOT_JSON', undefined, loose('w', { input: z.date() }).addStep('a', 'q.a')],
  ['SCHEMA_NOT_JSON', 'a', step({ output: z.string().transform(Number) })],
  ['SCHEMA_NOT_STABLE', 'a', step({ output: z.number().default(() => Math.random()) })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxRetries: -1 } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxRetries: 1.5 } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxRetries: NaN } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { initialDelay: -1 } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxDelay: Infinity } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { backoffFactor: 0.5 } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { jitter: 'some' } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { budget: '1 s' } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { nonRetryableCodes: 'CARD_DECLINED' } })],
  ['RETRY_OUT_OF_BOUNDS', 'a', step({ undoRetry: { maxRetries: 1_001 } })],
  ['RETRY_OUT_OF_BOUNDS', undefined, loose().addStep('a', 'q.a').withRetryConfig({ maxRetries: -1 })],
  ['RETRY_OUT_OF_BOUNDS', 'm', map({ retry: { maxRetries: -1 } })],
  ['TIMEOUT_OUT_OF_BOUNDS', 'a', step({ attemptTimeout: 0 })],
  ['TIMEOUT_OUT_OF_BOUNDS', 'a', step({ attemptTimeout: 1.5 })],
  ['TIMEOUT_OUT_OF_BOUNDS', 'a', step({ stepTimeout: Infinity })],
  ['TIMEOUT_OUT_OF_BOUNDS', 'a', step({ pickUpTimeout: '1 s' })],
  ['TIMEOUT_OUT_OF_BOUNDS', undefined, loose().addStep('a', 'q.a').withSagaTimeout(0)],
  ['TIMEOUT_OUT_OF_BOUNDS', undefined, loose().addStep('a', 'q.a').withSagaTimeout('1 h')],
  ['TIMEOUT_OUT_OF_BOUNDS', 's', signal({})],
  ['TIMEOUT_OUT_OF_BOUNDS', 's', signal({ timeout: 366 * 24 * 3_600_000 })],
  ['TIMEOUT_OUT_OF_BOUNDS', 's', loose().waitForApproval('s', { timeout: -1 })],
  ['BAD_FAILURE_MODE', undefined, loose().addStep('a', 'q.a').withFailureMode('wait')],
  ['EMPTY_WORKFLOW', undefined, loose()],
  ['TOO_MANY_STEPS', undefined, many(1_001)],
  ['TOO_MANY_STEPS', undefined, thousand()],
  ['TOO_DEEP', Array(10).fill('n').join('/') + '/one', nested(10, 'n')],
  ['PATH_TOO_LONG', `${'n'.repeat(99)}/${'n'.repeat(99)}/one`, nested(2, 'n'.repeat(99))],
  [
    'PATH_TOO_LONG',
    `${'n'.repeat(100)}/${'m'.repeat(96)}/*`,
    // `/9999` for the items makes it one too many.
    loose().addWorkflow(
      'n'.repeat(100),
      loose('inner')
        .addMap('m'.repeat(96), { over: list, worker: 'q.m', maxItems: 10_000, readOnly: true })
        .build(),
    ),
  ],
  [
    'DUPLICATE_NAME',
    'a',
    loose()
      .addStep('a', 'q.a')
      .addParallelSteps([{ ...b, name: 'a' }]),
  ],
  ['DUPLICATE_NAME', 'a', loose().addStep('a', 'q.a').sleep('a', 5)],
  ['BAD_WORKER', 'a', loose().addStep('a', '.pay')],
  ['BAD_WORKER', 'a', loose().addStep('a', undefined)],
  ['BAD_WORKER', 'a', step('no such undo')],
  ['BAD_WORKER', 'a', step({ compensation: 7 })],
  ['BAD_WORKER', 'a', group([{ name: 'a' }])],
  ['BAD_WORKER', 'm', map({ worker: 7 })],
  ['BAD_QUEUE', 'a', step({ queue: 'no queue' })],
  ['BAD_BARRIER', 'a', step({ barrier: 'maybe' })],
  ['WEIGHT_OUT_OF_BOUNDS', 'a', step({ progressWeight: -1 })],
  ['WEIGHT_OUT_OF_BOUNDS', 'a', step({ progressWeight: NaN })],
  ['WEIGHT_OUT_OF_BOUNDS', 'a', step({ progressWeight: 1e308 })],
  ['UNDO_ELSEWHERE', 'a', step('payments.refund')],
  ['TWO_KINDS', 'a', step({ ...undone, readOnly: true })],
  ['TWO_KINDS', 'a', step({ ...undone, pivot: true })],
  ['TWO_KINDS', 'a', step({ readOnly: true, pivot: true })],
  ['TWO_KINDS', 'a', step({ retriable: true, pivot: true })],
  ['TWO_KINDS', 'a', pivot().addStep('a', 'q.a', { ...undone, retriable: true })],
  ['BAD_WRITES', 'a', step({ writes: 'total' })],
  ['BAD_WRITES', 'a', step({ writes: ['total', 'total'] })],
  ['BAD_WRITES', 'a', step({ writes: ['__proto__'] })],
  ['WRITE_NOT_IN_OUTPUT', 'a', step({ writes: ['totl'], output: z.object({ total: z.number() }) })],
  ['WRITE_NOT_IN_OUTPUT', 'a', step({ writes: ['total'], output: z.number() })],
  ['WRITE_HIDES_STEP', 'a', step({ writes: ['b'] }).addStep('b', 'q.b')],
  [
    'WRITE_CONFLICT',
    'b',
    group([
      { ...a, writes: ['n'] },
      { ...b, writes: ['n'] },
    ]),
  ],
  [
    'WRITE_CONFLICT',
    'b',
    group(
      [
        { ...a, writes: ['n', 'm'] },
        { ...b, writes: ['n', 'm'] },
      ],
      { reducers: { m: list } },
    ),
  ],
  ['EMPTY_GROUP', undefined, loose().addStep('a', 'q.a').addParallelSteps([])],
  ['EMPTY_GROUP', undefined, loose().addStep('a', 'q.a').addParallelSteps(undefined)],
  ['BAD_MEMBER', undefined, group([null, a])],
  ['BAD_MEMBER', undefined, group([[a], b])],
  ['BAD_JOIN', undefined, group([a], { join: 'some' })],
  ['BAD_JOIN', undefined, group([a], { join: { quorum: 1, of: 2 } })],
  ['QUORUM_OUT_OF_BOUNDS', undefined, group([a, b], { join: { quorum: 3 } })],
  ['QUORUM_OUT_OF_BOUNDS', undefined, group([a, b], { join: { quorum: 0 } })],
  ['BAD_ON_FAILURE', undefined, group([a], { onFailure: 'ignore' })],
  ['FAIL_FAST_WITHOUT_BARRIER', 'a', group([a], { onFailure: 'failFast' })],
  ['FAIL_FAST_WITHOUT_BARRIER', 'a', group([{ ...a, barrier: 'none' }], { onFailure: 'failFast' })],
  [
    'FAIL_FAST_WITHOUT_BARRIER',
    'c/one',
    group(
      [
        { name: 'c', workflow: child },
        { ...a, barrier: 'external' },
      ],
      { onFailure: 'failFast' },
    ),
  ],
  ['REDUCER_UNUSED', undefined, group([a], { reducers: { n: list } })],
  ['NOT_A_WORKFLOW', 'c', loose().addStep('a', 'q.a').addWorkflow('c', new WorkflowBuilder('child'))],
  ['NOT_A_WORKFLOW', 'c', group([a, { name: 'c', workflow: child.toJSON() }])],
  ['NOT_A_WORKFLOW', 'm', map({ worker: undefined, workflow: {} })],
  ['MAP_BODY', 'm', map({ worker: undefined })],
  ['MAP_BODY', 'm', map({ workflow: child })],
  ['MAP_WRITES', 'm', map({ writes: ['total'] })],
  ['CONCURRENCY_OUT_OF_BOUNDS', 'm', map({ concurrency: 0 })],
  ['MAX_ITEMS_OUT_OF_BOUNDS', 'm', map({ maxItems: 10_001 })],
  ['MAX_ITEMS_OUT_OF_BOUNDS', 'm', map({ maxItems: '5' })],
  ['TOLERATE_OUT_OF_BOUNDS', 'm', map({ tolerate: { fraction: 1.1 } })],
  ['TOLERATE_OUT_OF_BOUNDS', 'm', map({ tolerate: { count: 1.5 } })],
  ['TOLERATE_OUT_OF_BOUNDS', 'm', map({ tolerate: { count: 1, fraction: 0.5 } })],
  ['TOLERATE_OUT_OF_BOUNDS', 'm', map({ tolerate: 3 })],
  ['ITEM_HIDDEN', 'item', map({}).addStep('item', 'q.a')],
  ['ITEM_HIDDEN', 'a', map({}).addStep('a', 'q.a', { writes: ['index'] })],
  ['BAD_SIGNAL', 's', signal({ timeout: 5, signal: 'no name' })],
  ['BAD_ON_TIMEOUT', 's', signal({ timeout: 5, onTimeout: 'ignore' })],
  ['SLEEP_OUT_OF_BOUNDS', 's', loose().sleep('s', 0)],
  ['SLEEP_OUT_OF_BOUNDS', 's', loose().sleep('s', '5 s')],
  ['SLEEP_OUT_OF_BOUNDS', 's', group([{ name: 's', sleep: Infinity }])],
  ['PIVOT_AGAIN', 'again', pivot().addStep('again', 'q.a', { pivot: true })],
  ['PIVOT_AGAIN', 'c/pay', pivot().addWorkflow('c', pivotChild())],
  ['PIVOT_IN_MAP', 'm/*', map({ pivot: true })],
  ['PIVOT_IN_MAP', 'm/*/pay', map({ worker: undefined, workflow: pivotChild() })],
  ['PIVOT_GROUP', 'a', group([{ ...a, pivot: true }], { join: 'any' })],
  ['PIVOT_GROUP', 'a', group([{ ...a, pivot: true, barrier: 'external' }], { onFailure: 'failFast' })],
  ['PIVOT_GROUP', 'c/pay', group([{ name: 'c', workflow: pivotChild() }], { join: 'settle' })],
  ['NOT_UNDOABLE_BEFORE_PIVOT', 'a', step({}).addStep('pay', 'q.pay', { pivot: true })],
  ['NOT_UNDOABLE_BEFORE_PIVOT', 'm/*', map({}).addStep('pay', 'q.pay', { pivot: true })],
  [
    'NOT_RETRIABLE_BESIDE_PIVOT',
    'a',
    group([
      { ...a, ...undone },
      { ...b, pivot: true },
    ]),
  ],
  [
    'NOT_RETRIABLE_BESIDE_PIVOT',
    'c/one',
    group([
      { name: 'c', workflow: child },
      { ...b, pivot: true },
    ]),
  ],
  ['NOT_RETRIABLE_AFTER_PIVOT', 'a', pivot().addStep('a', 'q.a', undone)],
  ['NOT_RETRIABLE_AFTER_PIVOT', 'a', pivot().addStep('a', 'q.a', { readOnly: true })],
  ['NOT_RETRIABLE_AFTER_PIVOT', 'c/one', pivot().addWorkflow('c', child)],
  ['RETRIABLE_WITHOUT_PIVOT', 'a', step({ retriable: true })],
  ['RETRIABLE_WITHOUT_PIVOT', 'a', step({ retriable: true }).addStep('pay', 'q.pay', { pivot: true })],
  ['RETRIABLE_WITHOUT_PIVOT', 'c/late', loose().addWorkflow('c', part)],
];

function pivotChild(): unknown {
  return loose('child').addStep('pay', 'c.pay', { pivot: true }).build();
}

describe('build() refuses', () => {
  it.each(table)('%s (at %s), with the mend', (code, at, builder) => {
    const problems = problemsOf(builder);
    expect(problems.map((problem) => [problem.code, problem.step])).toEqual([[code, at]]);
    expect(problems[0]?.mend).toBeTruthy();
  });

  it('for each of its reasons, all of which the table holds', () => {
    expect([...new Set(table.map(([code]) => code))].sort()).toEqual([...REFUSALS].sort());
  });

  it('several things at once, in one error whose text names each', () => {
    const builder = loose('')
      .addStep('a', 'q.a', { attemptTimeout: 0, retry: { maxRetries: -1, backoffFactor: 0 } })
      .addConditionalStep('a', 'q.b', null)
      .addParallelSteps([null, { name: 'c', worker: 'q.c', compensation: 'elsewhere.c' }], { join: 7 })
      .addMap('m', { workflow: child, concurrency: 0 })
      .waitForSignal('s', {});
    expect(problemsOf(builder).map(({ code, step: at }) => [code, at])).toEqual([
      ['BAD_NAME', undefined],
      ['RETRY_OUT_OF_BOUNDS', 'a'],
      ['RETRY_OUT_OF_BOUNDS', 'a'],
      ['TIMEOUT_OUT_OF_BOUNDS', 'a'],
      ['NOT_A_FUNCTION', 'a'],
      ['BAD_MEMBER', undefined],
      ['UNDO_ELSEWHERE', 'c'],
      ['BAD_JOIN', undefined],
      ['NOT_A_FUNCTION', 'm'],
      ['CONCURRENCY_OUT_OF_BOUNDS', 'm'],
      ['TIMEOUT_OUT_OF_BOUNDS', 's'],
      ['DUPLICATE_NAME', 'a'],
    ]);
    expect(() => builder.build()).toThrow(
      /TIMEOUT_OUT_OF_BOUNDS at 'a': attemptTimeout is 0 \(use a whole number/,
    );
    expect(() => builder.build()).toThrow(
      expect.objectContaining({ code: 'INVALID_WORKFLOW', retryable: false }),
    );
  });

  it('options of its own that it does not know', () => {
    expect(problemsOf(step({}), { stirct: true } as object)).toMatchObject([{ code: 'UNKNOWN_OPTION' }]);
    expect(problemsOf(step({}), 'strict' as never)).toMatchObject([{ code: 'BAD_OPTIONS' }]);
    expect(problemsOf(step({}), { strict: 'yes' } as never)[0]).toMatchObject({ code: 'NOT_A_FLAG' });
  });
});

/** A call of a builder's method with anything at all for each argument. */
const calls = fc.oneof(
  ...Object.entries({
    addStep: 3,
    addConditionalStep: 4,
    addParallelSteps: 2,
    addWorkflow: 3,
    addMap: 2,
    waitForSignal: 2,
    waitForApproval: 2,
    sleep: 3,
    sleepUntil: 3,
    withRetryConfig: 1,
    withSagaTimeout: 1,
    withFailureMode: 1,
    build: 1,
  }).map(([method, count]) =>
    fc.record({ method: fc.constant(method), args: fc.array(anything, { maxLength: count }) }),
  ),
);

const constructed = fc.oneof(fc.constant(['w']), fc.array(anything, { maxLength: 2 }));

describe('whatever JavaScript passes', () => {
  it('is a ValidationError of build() that names each problem, or a workflow; never another error', () => {
    const codes: readonly string[] = [...REFUSALS, ...WARNINGS];
    let refused = 0;
    fc.assert(
      fc.property(constructed, fc.array(calls, { maxLength: 4 }), (made, done) => {
        const builder = loose(...(made.map(real) as []));
        let options: unknown;
        for (const { method, args } of done) {
          if (method === 'build') options = real(args[0]);
          else builder[method as 'addStep'](...args.map(real));
        }
        try {
          builder.build(options as object);
        } catch (error) {
          refused += 1;
          if (!(error instanceof ValidationError)) throw error;
          expect(error.problems.length).toBeGreaterThan(0);
          for (const problem of error.problems) {
            expect(codes).toContain(problem.code);
            expect(problem.message && problem.mend).toBeTruthy();
          }
        }
      }),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(1_000);
  });
});
