import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { loose, problemsOf, step } from '../test-support/loose-builder.js';
import { ValidationError, WorkflowBuilder, contextOf } from './index.js';

const always = (): boolean => true;

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

  it('steps of every kind round a pivot', () => {
    const child = loose('child').addStep('book', 'q.book', 'q.unbook').addStep('go', 'q.go', { pivot: true });
    const late = loose('late').addStep('tell', 'q.tell', { retriable: true }).build({ part: true });
    const builder = loose()
      .addStep('look', 'q.look', { readOnly: true })
      .addStep('hold', 'q.hold', 'q.release')
      .addMap('each', { over: always, worker: 'q.each', compensation: 'q.undo' })
      .waitForApproval('ok', { timeout: 5 })
      .addParallelSteps([
        { name: 'ship', workflow: child.build() },
        { name: 'mail', worker: 'q.mail', retriable: true },
        { name: 'log', worker: 'q.log', readOnly: true },
        { name: 'stop', signal: 'stop', timeout: 5 },
        { name: 'tell', workflow: late },
      ])
      .addStep('bill', 'q.bill', { retriable: true })
      .addStep('see', 'q.see', { retriable: true, readOnly: true })
      .addMap('thank', { over: always, workflow: late })
      .addMap('pay', { over: always, worker: 'q.pay', retriable: true })
      .sleep('nap', 5);
    expect(problemsOf(builder)).toEqual([]);
    expect(builder.build()).toMatchObject({ pivot: 'ship/go', part: false });
    expect(late.part).toBe(true);
  });

  it('what several members of a group write, with a reducer, and a key that steps write one after the other', () => {
    const builder = step({ writes: ['n'] })
      .addParallelSteps(
        [
          { name: 'b', worker: 'q.b', writes: ['n'] },
          { name: 'c', worker: 'q.c', writes: ['n', 'm'] },
          {
            name: 'd',
            workflow: loose('d')
              .addStep('e', 'q.e', { writes: ['m'] })
              .build(),
          },
        ],
        { reducers: { n: (values: unknown) => (values as unknown[])[0] } },
      )
      .addStep('f', 'q.f', { writes: ['m'], output: z.looseObject({}) });
    expect(problemsOf(builder)).toEqual([]);
  });

  it('failFast where every step has a barrier', () => {
    const child = loose('child').addStep('one', 'q.one', { barrier: 'external', compensation: 'q.undo' });
    const members = [
      { name: 'a', worker: 'q.a', barrier: 'transaction' },
      { name: 'b', workflow: child.build() },
      { name: 'c', over: always, worker: 'q.c', barrier: 'transaction' },
      { name: 'd', sleep: 5 },
    ];
    expect(
      problemsOf(loose().addParallelSteps(members, { onFailure: 'failFast', join: { quorum: 4 } })),
    ).toEqual([]);
  });

  it('numbers as names, in a map too', () => {
    const inner = loose('inner').addStep('7', 'q.seven').build();
    const workflow = loose().addMap('0', { over: always, workflow: inner }).addStep('1', 'q.one').build();
    expect(workflow.allSteps().map(({ name }) => name)).toEqual(['7', '1']);
    expect([workflow.step('0/3/7').worker, workflow.step('0/*/7').worker]).toEqual(['q.seven', 'q.seven']);
    for (const nobody of ['0/3', '0/7/3', '1/7', '0/x/7'])
      expect(() => workflow.step(nobody)).toThrow(ValidationError);
  });

  it('a path of 200 characters, and no longer one', () => {
    const inner = loose('inner').addStep('m'.repeat(99), 'q.m', { readOnly: true });
    expect(loose().addWorkflow('n'.repeat(100), inner.build()).build().allSteps()).toHaveLength(1);
    const longer = loose('inner').addStep('m'.repeat(100), 'q.m', { readOnly: true });
    expect(problemsOf(loose().addWorkflow('n'.repeat(100), longer.build()))).toMatchObject([
      { code: 'PATH_TOO_LONG' },
    ]);
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

describe('an item', () => {
  const child = new WorkflowBuilder('child').addStep('one', 'c.one', 'c.undo').build();
  const over = (): unknown[] => [];
  const item = (builder: { build(): { items: readonly unknown[] } }): unknown => builder.build().items[0];

  it('is what was said, with the defaults for the rest', () => {
    expect(item(loose().addWorkflow('c', child, { output: over }))).toEqual({
      kind: 'workflow',
      name: 'c',
      workflow: child,
      output: { map: over },
    });
    expect(item(loose().addMap('m', { over, worker: 'q.m', condition: always }))).toEqual({
      kind: 'map',
      name: 'm',
      condition: { evaluate: always },
      over: { map: over },
      body: loose().addStep('m', 'q.m').build().items[0],
      concurrency: 10,
      maxItems: 1_000,
      tolerate: { count: 0 },
    });
    expect(
      item(loose().addMap('m', { over, workflow: child, input: over, tolerate: { fraction: 0.5 } })),
    ).toMatchObject({
      body: { kind: 'workflow', name: 'm', workflow: child, input: { map: over } },
      tolerate: { fraction: 0.5 },
    });
    const wait = { kind: 'signal', name: 's', signal: 's', timeout: 5, onTimeout: 'reject' };
    expect(item(loose().waitForSignal('s', { timeout: 5 }))).toEqual({ ...wait, approval: false });
    expect(item(loose().waitForApproval('s', { timeout: 5, signal: 'go', onTimeout: 'continue' }))).toEqual({
      ...wait,
      signal: 'go',
      onTimeout: 'continue',
      approval: true,
    });
    expect(item(loose().sleep('s', 5))).toEqual({ kind: 'sleep', name: 's', duration: 5 });
    expect(item(loose().sleepUntil('s', over))).toEqual({ kind: 'sleep', name: 's', until: { map: over } });
  });

  it('is the same as a member of a group', () => {
    const until = (): number => 0;
    const members = [
      { name: 'a', worker: 'q.a', writes: ['n'], pickUpTimeout: 9, undoNeedsOutput: true, condition: always },
      { name: 'b', workflow: child, input: over },
      { name: 'c', over, worker: 'q.c', concurrency: 2 },
      { name: 'd', over, workflow: child },
      { name: 'e', signal: 'go', timeout: 5 },
      { name: 'f', signal: 'go', approval: true, timeout: 5 },
      { name: 'g', sleep: 5 },
      { name: 'h', sleepUntil: until, condition: always },
    ];
    const [group] = loose().addParallelSteps(members, { join: 'any', keep: true }).build().items;
    const { name: _, worker: __, ...options } = members[0] as Record<string, unknown>;
    const alone = loose()
      .addStep('a', 'q.a', options)
      .addWorkflow('b', child, { input: over })
      .addMap('c', { over, worker: 'q.c', concurrency: 2 })
      .addMap('d', { over, workflow: child })
      .waitForSignal('e', { signal: 'go', timeout: 5 })
      .waitForApproval('f', { signal: 'go', timeout: 5 })
      .sleep('g', 5)
      .sleepUntil('h', until, { condition: always })
      .build();
    expect(group).toEqual({
      kind: 'parallel',
      name: 'parallel-1',
      members: alone.items,
      join: 'any',
      onFailure: 'quiesce',
      keep: true,
      reducers: {},
    });
  });

  it('is what it was when it was added, whatever becomes of the options', () => {
    const options: Record<string, unknown> = { compensation: 'q.undo', writes: ['n'] };
    const members = [{ name: 'b', worker: 'q.b' }];
    const builder = step(options).addParallelSteps(members);
    const before = builder.build();
    options['compensation'] = 7;
    (options['writes'] as string[]).push('n');
    members.pop();
    expect(builder.build().digest).toBe(before.digest);
  });

  it('of a workflow has its settings', () => {
    const workflow = step({}).withSagaTimeout(60_000).withFailureMode('hold').build();
    expect(workflow).toMatchObject({ sagaTimeout: 60_000, failureMode: 'hold', part: false });
    expect(step({}).build()).toMatchObject({ sagaTimeout: undefined, failureMode: 'compensate' });
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
