import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, canonicalJson, workflowFromJson } from './index.js';
import type { StepOptions, Workflow, WorkflowDescription, WorkflowFunctions } from './index.js';

const digestOf = (options: StepOptions, worker = 'q.a', name = 'a'): string =>
  new WorkflowBuilder('w').addStep(name, worker, options).build().digest;

describe('the digest', () => {
  const base = digestOf({});

  it('is 32 hex digits and the same each time', () => {
    expect(base).toMatch(/^[0-9a-f]{32}$/);
    expect(digestOf({})).toBe(base);
    expect(digestOf({ attemptTimeout: 30_000, retry: { maxRetries: 3 }, readOnly: false })).toBe(base);
  });

  it('does not depend on the order of keys, nor on the source of functions', () => {
    const output = (first: string, second: string) => z.object({ [first]: z.string(), [second]: z.string() });
    expect(digestOf({ queue: 'x', attemptTimeout: 5 })).toBe(digestOf({ attemptTimeout: 5, queue: 'x' }));
    expect(digestOf({ input: () => 1 })).toBe(digestOf({ input: (context) => context.get('b') }));
    const properties = (first: string, second: string) =>
      canonicalJson(z.toJSONSchema(output(first, second)).properties);
    expect(properties('a', 'b')).toBe(properties('b', 'a'));
    expect(canonicalJson({ b: 1, a: [{ d: undefined, c: null }] })).toBe('{"a":[{"c":null}],"b":1}');
  });

  it('changes with each option, schema and name, and with the order of steps', () => {
    const condition = (): boolean => true;
    const retries = ['retry', 'undoRetry'] as const;
    const builder = (): WorkflowBuilder => new WorkflowBuilder('w');
    const digests = [
      base,
      ...(
        [
          { compensation: 'q.undo' },
          { queue: 'other' },
          { input: () => 1 },
          { output: z.string() },
          { output: z.string().min(1) },
          { output: z.object({ a: z.string() }) },
          { output: z.strictObject({ a: z.string() }) },
          { attemptTimeout: 1 },
          { stepTimeout: 1 },
          { progressWeight: 2 },
          { barrier: 'none' },
          { barrier: 'external' },
          { readOnly: true },
          ...retries.flatMap((key) => [
            { [key]: { maxRetries: 1 } },
            { [key]: { initialDelay: 1 } },
            { [key]: { backoffFactor: 3 } },
            { [key]: { maxDelay: 1 } },
            { [key]: { jitter: 'none' } },
            { [key]: { budget: 1 } },
            { [key]: { nonRetryableCodes: ['A'] } },
          ]),
        ] as StepOptions[]
      ).map((options) => digestOf(options)),
      digestOf({}, 'q.b'),
      digestOf({}, 'q.a', 'b'),
      new WorkflowBuilder('v').addStep('a', 'q.a').build().digest,
      new WorkflowBuilder('w', { version: 2 }).addStep('a', 'q.a').build().digest,
      new WorkflowBuilder('w', { input: z.object({}) }).addStep('a', 'q.a').build().digest,
      builder().addConditionalStep('a', 'q.a', condition).build().digest,
      builder()
        .addParallelSteps([{ name: 'a', worker: 'q.a' }])
        .build().digest,
      builder().addStep('a', 'q.a').addStep('b', 'q.b').build().digest,
      builder().addStep('b', 'q.b').addStep('a', 'q.a').build().digest,
      builder().addStep('a', 'q.a').withRetryConfig({ maxRetries: 7 }).build().digest,
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });
});

describe('a workflow that went through JSON', () => {
  const original = new WorkflowBuilder('order', { input: z.object({ tier: z.string().default('none') }) })
    .addStep('check', 'orders.check', {
      compensation: 'orders.uncheck',
      input: (context) => ({ tier: context.get('tier') }),
      output: z.object({
        score: z.int(),
        at: z.iso.datetime().optional(),
        tags: z.array(z.enum(['a', 'b'])),
      }),
      retry: { maxRetries: 1, nonRetryableCodes: ['GONE'] },
    })
    .addConditionalStep('gift', 'packing.wrap', (context) => context.get('tier') === 'gold')
    .addParallelSteps([
      { name: 'pay', worker: 'payments.charge', compensation: 'payments.refund', stepTimeout: 9 },
      { name: 'pack', worker: 'packing.pack', compensation: 'packing.unpack' },
    ])
    .build();
  const functions: WorkflowFunctions = {
    'check.input': (context) => ({ tier: context.get('tier') }),
    'gift.condition': (context) => context.get('tier') === 'gold',
  };
  const data = (): WorkflowDescription => JSON.parse(JSON.stringify(original)) as WorkflowDescription;
  const copy = workflowFromJson(data(), functions);

  it('has the same digest, description and warnings, and is frozen', () => {
    expect(copy.digest).toBe(original.digest);
    expect(JSON.stringify(copy)).toBe(JSON.stringify(original));
    expect(copy.warnings).toEqual(original.warnings);
    expect([copy, copy.items, ...copy.items, ...copy.allSteps()].every(Object.isFrozen)).toBe(true);
  });

  it('behaves the same', () => {
    const output = { score: 1, tags: ['a'], more: 'than was agreed' };
    const run = (workflow: Workflow, tier: string) => {
      const play = new SagaPlay(workflow).start({ tier });
      play.succeed('check', { score: 'high' }).wait().succeed('check', output);
      if (tier === 'gold') play.succeed('gift');
      play.succeed('pay').reject('pack').undone('pay');
      return { play, commands: play.sent.filter(({ direction }) => direction === 'forward').length };
    };
    for (const tier of ['gold', 'none']) {
      const [a, b] = [run(original, tier), run(copy, tier)];
      expect(b.play.commands).toEqual(a.play.commands);
      expect(b.play.saga.cause).toEqual(a.play.saga.cause);
      expect(b.play.saga.steps['check']).toMatchObject({ output: { score: 1, tags: ['a'] } });
    }
  });

  it('takes the same input', () => {
    for (const input of [{}, { tier: 'gold' }, { tier: 'gold', more: 1 }, { tier: 1 }, 'text'])
      expect(copy.inputSchema?.safeParse(input).success).toBe(original.inputSchema?.safeParse(input).success);
    expect(copy.inputSchema?.parse({})).toEqual({ tier: 'none' });
  });

  it('is refused without its functions', () => {
    const missing = (given: unknown) => () => workflowFromJson(data(), given as WorkflowFunctions);
    const code = (code: string) => expect.objectContaining({ code });
    expect(missing({})).toThrow(code('MISSING_FUNCTION'));
    expect(missing({ ...functions, 'gift.condition': true })).toThrow(/gift\.condition/);
    expect(missing(Object.create(functions))).toThrow(code('MISSING_FUNCTION'));
  });

  it.each([null, undefined, 7, 'text', [], {}, { format: 2 }])('is refused when it is %j', (given) => {
    expect(() => workflowFromJson(given as never, functions)).toThrow(
      expect.objectContaining({ name: 'ValidationError', code: 'UNKNOWN_FORMAT' }),
    );
  });

  it('is refused when its content does not give its digest', () => {
    const changed = { ...data(), version: 2 };
    expect(() => workflowFromJson(changed, functions)).toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
  });
});
