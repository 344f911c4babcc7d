import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { ValidationError, WorkflowBuilder, contextOf } from './index.js';
import type { BuildOptions, Problem } from './index.js';

/** What a user of plain JavaScript may pass, whatever the types say. */
type Loose = Record<
  'addStep' | 'addConditionalStep' | 'addParallelSteps' | 'withRetryConfig',
  (...args: unknown[]) => Loose
> & {
  build(options?: BuildOptions): unknown;
};
const loose = (name: unknown = 'w', options?: object): Loose =>
  new WorkflowBuilder(name as string, options) as unknown as Loose;
const step = (options: unknown): Loose => loose().addStep('a', 'q.a', options);

function problemsOf(builder: Loose, options?: BuildOptions): readonly Problem[] {
  try {
    builder.build(options);
  } catch (error) {
    if (error instanceof ValidationError) return error.problems;
    throw error;
  }
  return [];
}

const always = (): boolean => true;

describe('build() refuses', () => {
  it.each<[string, string | undefined, Loose]>([
    ['BAD_NAME', undefined, loose('').addStep('a', 'q.a')],
    ['BAD_NAME', undefined, loose('my order').addStep('a', 'q.a')],
    ['BAD_NAME', undefined, loose(7).addStep('a', 'q.a')],
    ['BAD_VERSION', undefined, loose('w', { version: 0 }).addStep('a', 'q.a')],
    ['BAD_VERSION', undefined, loose('w', { version: 1.5 }).addStep('a', 'q.a')],
    ['BAD_VERSION', undefined, loose('w', { version: 2 ** 31 }).addStep('a', 'q.a')],
    ['UNKNOWN_OPTION', undefined, loose('w', { inputSchema: z.object({}) }).addStep('a', 'q.a')],
    ['EMPTY_WORKFLOW', undefined, loose()],
    ['EMPTY_GROUP', undefined, loose().addStep('a', 'q.a').addParallelSteps([])],
    ['EMPTY_GROUP', undefined, loose().addStep('a', 'q.a').addParallelSteps(undefined)],
    ['NOT_A_SCHEMA', undefined, loose('w', { input: { type: 'object' } }).addStep('a', 'q.a')],
    ['NOT_A_SCHEMA', 'a', step({ output: 'string' })],
    ['SCHEMA_NOT_JSON', undefined, loose('w', { input: z.date() }).addStep('a', 'q.a')],
    ['SCHEMA_NOT_JSON', 'a', step({ output: z.string().transform(Number) })],
    ['SCHEMA_NOT_STABLE', 'a', step({ output: z.number().default(() => Math.random()) })],
    ['BAD_NAME', '', loose().addStep('', 'q.a')],
    ['BAD_NAME', '__proto__', loose().addStep('__proto__', 'q.a')],
    ['BAD_NAME', 'constructor', loose().addStep('constructor', 'q.a')],
    ['BAD_NAME', 'réserver', loose().addStep('réserver', 'q.a')],
    ['BAD_NAME', 'a.', loose().addStep('a.', 'q.a')],
    ['BAD_NAME', 'a/b', loose().addStep('a/b', 'q.a')],
    ['BAD_NAME', 'a\n', loose().addStep('a\n', 'q.a')],
    ['BAD_NAME', 'undefined', loose().addStep(undefined, 'q.a')],
    ['BAD_NAME', 'x'.repeat(101), loose().addStep('x'.repeat(101), 'q.a')],
    ['BAD_WORKER', 'a', loose().addStep('a', '.pay')],
    ['BAD_WORKER', 'a', loose().addStep('a', undefined)],
    ['BAD_WORKER', 'a', step('no such undo')],
    ['BAD_WORKER', 'a', step({ compensation: 7 })],
    ['BAD_OPTIONS', 'a', step(null)],
    ['BAD_OPTIONS', 'a', step([])],
    ['UNKNOWN_OPTION', 'a', step({ timeout: 5 })],
    ['UNKNOWN_OPTION', 'a', step({ retry: { retries: 5 } })],
    ['UNKNOWN_OPTION', undefined, loose().addStep('a', 'q.a').withRetryConfig({ max_retries: 5 })],
    ['CONDITION_NOT_FUNCTION', 'a', loose().addConditionalStep('a', 'q.a', 'yes')],
    ['CONDITION_NOT_FUNCTION', 'a', loose().addConditionalStep('a', 'q.a', undefined)],
    ['INPUT_NOT_FUNCTION', 'a', step({ input: { amount: 1 } })],
    ['BAD_QUEUE', 'a', step({ queue: 'no queue' })],
    ['BAD_BARRIER', 'a', step({ barrier: 'maybe' })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxRetries: -1 } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxRetries: 1.5 } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxRetries: NaN } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { initialDelay: -1 } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { maxDelay: Infinity } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { backoffFactor: 0.5 } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { jitter: 'some' } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { budget: '1 s' } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: { nonRetryableCodes: 'CARD_DECLINED' } })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ retry: 5 })],
    ['RETRY_OUT_OF_BOUNDS', 'a', step({ undoRetry: { maxRetries: 1_001 } })],
    ['RETRY_OUT_OF_BOUNDS', undefined, loose().addStep('a', 'q.a').withRetryConfig({ maxRetries: -1 })],
    ['TIMEOUT_OUT_OF_BOUNDS', 'a', step({ attemptTimeout: 0 })],
    ['TIMEOUT_OUT_OF_BOUNDS', 'a', step({ attemptTimeout: 1.5 })],
    ['TIMEOUT_OUT_OF_BOUNDS', 'a', step({ stepTimeout: Infinity })],
    ['WEIGHT_OUT_OF_BOUNDS', 'a', step({ progressWeight: -1 })],
    ['WEIGHT_OUT_OF_BOUNDS', 'a', step({ progressWeight: NaN })],
    ['WEIGHT_OUT_OF_BOUNDS', 'a', step({ progressWeight: 1e308 })],
    ['UNDO_ELSEWHERE', 'a', step('payments.refund')],
    [
      'DUPLICATE_NAME',
      'a',
      loose()
        .addStep('a', 'q.a')
        .addParallelSteps([{ name: 'a', worker: 'q.b' }]),
    ],
  ])('%s (at %s), with the mend', (code, at, builder) => {
    const problems = problemsOf(builder);
    expect(problems.map((problem) => [problem.code, problem.step])).toEqual([[code, at]]);
    expect(problems[0]?.mend).toBeTruthy();
  });

  it('several things at once, in one error whose text names each', () => {
    const builder = loose('')
      .addStep('a', 'q.a', { attemptTimeout: 0, retry: { maxRetries: -1, backoffFactor: 0 } })
      .addConditionalStep('a', 'q.b', null)
      .addParallelSteps([null, { name: 'c', worker: 'q.c', compensation: 'elsewhere.c' }]);
    expect(problemsOf(builder).map(({ code }) => code)).toEqual([
      'BAD_NAME',
      'RETRY_OUT_OF_BOUNDS',
      'RETRY_OUT_OF_BOUNDS',
      'TIMEOUT_OUT_OF_BOUNDS',
      'CONDITION_NOT_FUNCTION',
      'DUPLICATE_NAME',
      'BAD_NAME',
      'BAD_WORKER',
      'UNDO_ELSEWHERE',
    ]);
    expect(() => builder.build()).toThrow(
      /TIMEOUT_OUT_OF_BOUNDS at 'a': attemptTimeout is 0 \(use a whole number/,
    );
    expect(() => builder.build()).toThrow(
      expect.objectContaining({ code: 'INVALID_WORKFLOW', retryable: false }),
    );
  });
});

describe('build() accepts', () => {
  it('an undo named on its action queue, or on none', () => {
    const builder = loose()
      .addStep('a', 'payments.charge', 'payments.refund')
      .addStep('b', 'payments.charge', 'refund')
      .addStep('c', 'charge', { queue: 'payments', compensation: 'payments.refund' })
      .addStep('d', 'payments.charge', { queue: 'fast', compensation: 'payments.refund' });
    expect(problemsOf(builder)).toEqual([]);
  });

  it('undefined for an option that is left to its default', () => {
    const builder = step({
      retry: { maxRetries: undefined, initialDelay: undefined },
      attemptTimeout: undefined,
    });
    expect(builder.build()).toMatchObject({
      items: [{ retry: { maxRetries: 3, initialDelay: 1_000 }, attemptTimeout: 30_000 }],
    });
  });

  it('a step without an undo, with a warning that strict makes an error beside the others', () => {
    const builder = loose()
      .addStep('a', 'q.a')
      .addStep('b', 'q.b', { readOnly: true })
      .addStep('c', 'q.c', 'q.undoC');
    expect(builder.build()).toMatchObject({ warnings: [{ code: 'NO_UNDO', step: 'a' }] });
    expect(problemsOf(builder, { strict: true })).toMatchObject([{ code: 'NO_UNDO', step: 'a' }]);
    builder.addStep('d', 'q.d', { attemptTimeout: 0 });
    const codes = problemsOf(builder, { strict: true }).map(({ code }) => code);
    expect(codes).toEqual(['TIMEOUT_OUT_OF_BOUNDS', 'NO_UNDO', 'NO_UNDO']);
  });
});

describe('a workflow', () => {
  const codes = ['GONE'];
  const workflow = new WorkflowBuilder('order', { version: 3, input: z.object({ tier: z.string() }) })
    .addStep('check', 'orders.check', { readOnly: true, retry: { nonRetryableCodes: codes } })
    .addConditionalStep('gift', 'packing.wrap', (context) => context.get('tier') === 'gold')
    .addParallelSteps([
      { name: 'pay', worker: 'payments.charge', compensation: 'payments.refund' },
      { name: 'pack', worker: 'packing.pack', output: z.object({ box: z.enum(['S', 'L']) }) },
    ])
    .addConditionalStep('mail', 'mail.send', always)
    .build();

  it('is frozen all the way down, and apart from what it was made of', () => {
    expect(thawed(workflow, 'workflow')).toEqual([]);
    codes.push('LATER');
    expect(workflow.step('check').retry.nonRetryableCodes).toEqual(['GONE']);
  });

  it('knows its name, version and steps', () => {
    expect([workflow.getId(), workflow.name, workflow.version]).toEqual(['order', 'order', 3]);
    expect(workflow.getSteps().map(({ name, kind }) => [name, kind])).toEqual([
      ['check', 'step'],
      ['gift', 'step'],
      ['parallel-1', 'parallel'],
      ['mail', 'step'],
    ]);
    expect(workflow.getInitialStep()?.name).toBe('check');
    expect(workflow.allSteps().map(({ name }) => name)).toEqual(['check', 'gift', 'pay', 'pack', 'mail']);
    expect(new WorkflowBuilder('w').addStep('a', 'q.a').build().version).toBe(1);
  });

  it('tells what comes next: passes over false conditions, gives a group as one item, ends with undefined', () => {
    const next = (current: string, tier: string) => workflow.getNextStep(current, contextOf({ tier }))?.name;
    expect(next('check', 'gold')).toBe('gift');
    expect(next('check', 'none')).toBe('parallel-1');
    expect(next('pay', 'none')).toBe('mail');
    expect(next('pack', 'none')).toBe('mail');
    expect(next('parallel-1', 'none')).toBe('mail');
    expect(next('mail', 'none')).toBeUndefined();
    for (const unknown of ['nobody', '', '__proto__', 'constructor'])
      expect(() => next(unknown, 'gold')).toThrow(expect.objectContaining({ code: 'UNKNOWN_STEP' }));
    expect(() => workflow.step('nobody')).toThrow(ValidationError);
  });

  it.each([undefined, null, 0, '', false])('passes over a condition that answers %j', (answer) => {
    const conditional = new WorkflowBuilder('w')
      .addStep('a', 'q.a')
      .addConditionalStep('b', 'q.b', () => answer)
      .addStep('c', 'q.c')
      .build();
    expect(conditional.getNextStep('a', contextOf({}))?.name).toBe('c');
  });

  it('does not take a promise for an answer', () => {
    const slow = new WorkflowBuilder('w')
      .addStep('a', 'q.a')
      .addConditionalStep('b', 'q.b', async () => false)
      .build();
    expect(() => slow.getNextStep('a', contextOf({}))).toThrow(/returned a promise/);
  });

  it('gives its groups names that no step has', () => {
    const clash = new WorkflowBuilder('w')
      .addStep('parallel-1', 'q.a')
      .addParallelSteps([{ name: 'x', worker: 'q.x' }])
      .addParallelSteps([{ name: 'y', worker: 'q.y' }])
      .build();
    const walk = [];
    for (let item = clash.getInitialStep(); item; item = clash.getNextStep(item.name, contextOf({})))
      walk.push(item.name);
    expect(walk).toEqual(['parallel-1', 'parallel-2', 'parallel-3']);
  });

  it('is built anew by each build(), and stays as it was when the builder goes on', () => {
    const builder = new WorkflowBuilder('w').addStep('a', 'q.a');
    const first = builder.build();
    const second = builder.addStep('b', 'q.b').build();
    expect([first.allSteps().length, second.allSteps().length]).toEqual([1, 2]);
  });
});

describe('a context', () => {
  it('gives results before input fields, and nothing that every object has', () => {
    const context = contextOf({ a: 1, b: 2 }, { b: 3 });
    expect(['a', 'b', 'c', 'constructor', '__proto__'].map((key) => context.get(key))).toEqual([
      1,
      3,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

/** The places in `value` that can be written to; functions and schemas are not ours. */
function thawed(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null || value instanceof z.ZodType || value instanceof Map)
    return [];
  const own = Object.isFrozen(value) ? [] : [path];
  return [...own, ...Object.entries(value).flatMap(([key, inner]) => thawed(inner, `${path}.${key}`))];
}
