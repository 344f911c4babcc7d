import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';
import { SagaPlay } from '../test-support/saga-play.js';
import { anyBuilder } from '../test-support/any-workflow.js';
import { loose } from '../test-support/loose-builder.js';
import type { Loose } from '../test-support/loose-builder.js';
import { describeWorkflow, digestOf as digestOfData } from './digest.js';
import { WARNINGS, WorkflowBuilder, canonicalJson, workflowFromJson } from './index.js';
import type { StepOptions, Workflow, WorkflowDescription, WorkflowFunctions } from './index.js';

const digestOf = (options: StepOptions, worker = 'q.a', name = 'a'): string =>
  new WorkflowBuilder('w').addStep(name, worker, options).build().digest;

const yes = (): unknown => true;
const child = new WorkflowBuilder('child').addStep('one', 'c.one').build();
const other = new WorkflowBuilder('child').addStep('one', 'c.two').build();
const map = (options: object) => (builder: Loose) =>
  builder.addMap('a', { over: yes, worker: 'q.a', ...options });
const signal = (options: object) => (builder: Loose) =>
  builder.waitForSignal('a', { timeout: 9, ...options });
const group =
  (options: object, member: object = {}) =>
  (builder: Loose) =>
    builder.addParallelSteps(
      [
        { name: 'a', worker: 'q.a', barrier: 'external', writes: ['n'] },
        { name: 'b', worker: 'q.b', barrier: 'external', ...member },
      ],
      options,
    );

/** Definitions that differ in one thing each. */
const everyKind: ((builder: Loose) => Loose)[] = [
  (builder) => builder.addWorkflow('a', child),
  (builder) => builder.addWorkflow('a', other),
  (builder) => builder.addWorkflow('a', child, { input: yes }),
  (builder) => builder.addWorkflow('a', child, { output: yes }),
  (builder) => builder.addWorkflow('a', child, { condition: yes }),
  map({}),
  map({ worker: undefined, workflow: child }),
  map({ concurrency: 1 }),
  map({ maxItems: 1 }),
  map({ tolerate: { count: 1 } }),
  map({ tolerate: { fraction: 1 } }),
  map({ condition: yes }),
  map({ input: yes }),
  map({ stepTimeout: 1 }),
  signal({}),
  signal({ timeout: 8 }),
  signal({ signal: 'b' }),
  signal({ onTimeout: 'continue' }),
  signal({ output: z.string() }),
  signal({ condition: yes }),
  (builder) => builder.waitForApproval('a', { timeout: 9 }),
  (builder) => builder.sleep('a', 1),
  (builder) => builder.sleep('a', 2),
  (builder) => builder.sleepUntil('a', yes),
  group({}),
  group({ join: 'any' }),
  group({ join: 'settle' }),
  group({ join: { quorum: 1 } }),
  group({ keep: true }),
  group({ onFailure: 'failFast' }),
  group({ reducers: { n: yes } }),
  group({ reducers: { n: yes } }, { writes: ['n'] }),
];

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
          { pivot: true },
          { undoNeedsOutput: true },
          { pickUpTimeout: 1 },
          { writes: ['n'] },
          { writes: ['n', 'm'] },
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
      builder().addStep('a', 'q.a').withSagaTimeout(5).build().digest,
      builder().addStep('a', 'q.a').withFailureMode('hold').build().digest,
      builder().addStep('a', 'q.a').build({ part: true }).digest,
      ...everyKind.map((build) => build(loose()).build().digest),
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

  it('asks for each of its functions by the path at which it stands', () => {
    const inner = new WorkflowBuilder('inner')
      .addStep('pick', 'q.pick', { input: yes })
      .addMap('boxes', { over: yes, worker: 'q.box', input: yes })
      .build();
    const tree = loose('tree')
      .addWorkflow('ship', inner, { input: yes, output: yes, condition: yes })
      .addMap('lines', { over: yes, workflow: inner, input: yes, output: yes, condition: yes })
      .addParallelSteps(
        [
          { name: 'a.b', worker: 'q.a', writes: ['n'], condition: yes },
          { name: 'until', sleepUntil: yes },
        ],
        { reducers: { n: yes } },
      )
      .waitForSignal('sign', { timeout: 5, condition: yes })
      .build();
    const data = JSON.parse(JSON.stringify(tree)) as WorkflowDescription;
    const { copy, asked } = fromJson(data);
    expect(asked).toEqual([
      'a.b.condition',
      'lines.condition',
      'lines.over',
      'lines/*.input',
      'lines/*.output',
      'lines/*/boxes.over',
      'lines/*/boxes/*.input',
      'lines/*/pick.input',
      'parallel-1.n.reduce',
      'ship.condition',
      'ship.input',
      'ship.output',
      'ship/boxes.over',
      'ship/boxes/*.input',
      'ship/pick.input',
      'sign.condition',
      'until.until',
    ]);
    // The same functions again, each at its place.
    expect(copy.items).toEqual(tree.items);
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

  it('has the same settings', () => {
    const builder = loose()
      .addStep('a', 'q.a', { retriable: true })
      .withSagaTimeout(5)
      .withFailureMode('hold');
    const settings = { part: true, sagaTimeout: 5, failureMode: 'hold' };
    expect(workflowFromJson(builder.build({ part: true }).toJSON())).toMatchObject(settings);
    const plain = { part: false, sagaTimeout: undefined, failureMode: 'compensate' };
    expect(copy).toMatchObject(plain);
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

  it('is refused when it holds what this version does not know', () => {
    const content = { ...data(), items: [{ kind: 'vote', name: 'a' }] } as never as WorkflowDescription;
    const changed = { ...content, digest: digestOfData(content) };
    expect(() => workflowFromJson(changed, functions)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_KIND' }),
    );
  });

  it('is refused when its content does not give its digest', () => {
    const changed = { ...data(), version: 2 };
    expect(() => workflowFromJson(changed, functions)).toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
  });
});

describe('any definition that breaks no rule', () => {
  it('builds, and comes back from JSON as it was', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyBuilder, (builder) => {
        const workflow = builder.build();
        expect(builder.build().digest).toBe(workflow.digest);
        for (const { code } of workflow.warnings) expect(WARNINGS).toContain(code);
        const text = JSON.stringify(workflow);
        const { copy } = fromJson(JSON.parse(text) as WorkflowDescription);
        expect(JSON.stringify(copy)).toBe(text);
        expect([copy.warnings, copy.pivot]).toEqual([workflow.warnings, workflow.pivot]);
        // Not by what it was told, but by what it is.
        const { name, version, items, sagaTimeout, failureMode } = copy;
        const settings = { failureMode, ...(sagaTimeout !== undefined && { sagaTimeout }) };
        expect(withoutSchemas(describeWorkflow(name, version, items, settings))).toEqual(
          withoutSchemas(workflow.toJSON()),
        );
        for (const { kind } of workflow.items) seen.add(kind);
      }),
      { numRuns: 500 },
    );
    expect([...seen].sort()).toEqual(['map', 'parallel', 'signal', 'sleep', 'step', 'workflow']);
  });
});

/** A schema that came back lets the same data pass, but may say so in other words: the digest is not that of the first. */
function withoutSchemas({ digest: _, ...described }: WorkflowDescription): unknown {
  return JSON.parse(
    JSON.stringify(described, (key, value: unknown) =>
      key === 'output' && typeof value === 'object' ? 'a schema' : value,
    ),
  );
}

/** The workflow of the description, given each function that it asks for. */
function fromJson(data: WorkflowDescription): { copy: Workflow; asked: string[] } {
  const asked = new Set<string>();
  const functions = new Proxy<Record<string, () => unknown>>(
    {},
    {
      getOwnPropertyDescriptor: () => ({ configurable: true, value: yes }),
      get: (_, name) => {
        asked.add(String(name));
        return yes;
      },
    },
  );
  return { copy: workflowFromJson(data, functions), asked: [...asked].sort() };
}
