import { describe, expect, it, jest } from '@jest/globals';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder } from './index.js';
import type { WorkflowContext } from './index.js';
import * as z from 'zod';

describe('a conditional step', () => {
  const gift = (condition: (context: WorkflowContext) => unknown) =>
    new WorkflowBuilder('w')
      .addStep('pack', 'w.pack', 'w.unpack')
      .addConditionalStep('wrap', 'w.wrap', condition, 'w.unwrap')
      .addStep('send', 'w.send')
      .build();

  it('runs when its condition is true, and is passed over when it is false', () => {
    const workflow = gift((context) => context.get('gift') === true);
    expect(new SagaPlay(workflow).start({ gift: true }).succeed('pack').commands.at(-1)).toBe('w.wrap');
    const plain = new SagaPlay(workflow).start({ gift: false }).succeed('pack');
    expect(plain.commands).toEqual(['w.pack', 'w.send']);
    expect(plain.succeed('send').saga.state).toBe('completed');
  });

  it('is not asked for its input when it is passed over', () => {
    const input = jest.fn(() => 1);
    const workflow = new WorkflowBuilder('w').addConditionalStep('a', 'q.a', () => false, { input }).build();
    expect(new SagaPlay(workflow).start().saga.state).toBe('completed');
    expect(input).not.toHaveBeenCalled();
  });

  it('is asked once, when its turn comes; the answer is in the history and holds during undo', () => {
    const condition = jest.fn((context: WorkflowContext) => context.get('pack') === 'box');
    const play = new SagaPlay(gift(condition)).start();
    expect(condition).not.toHaveBeenCalled();
    play.succeed('pack', 'box').succeed('wrap').breakDown('send').undone('wrap').undone('pack');
    expect(condition).toHaveBeenCalledTimes(1);
    expect(play.facts).toContainEqual({ type: 'entered', step: 'wrap', stage: [1], taken: true });
    expect(play.saga.state).toBe('compensated');
  });

  it('is not undone when it was passed over', () => {
    const play = new SagaPlay(gift(() => false)).start().succeed('pack').reject('send');
    expect(play.commands).toEqual(['w.pack', 'w.send', 'w.unpack']);
  });

  it('is passed over when its condition has no answer', () => {
    const play = new SagaPlay(gift((context) => context.get('nobody said'))).start().succeed('pack');
    expect(play.commands).toEqual(['w.pack', 'w.send']);
  });

  it('completes a saga of which every step is passed over', () => {
    const workflow = new WorkflowBuilder('w').addConditionalStep('a', 'q.a', () => false).build();
    expect(new SagaPlay(workflow).start().saga.state).toBe('completed');
  });
});

describe('code of the definition that fails', () => {
  const withMapper = (input: (context: WorkflowContext) => unknown) =>
    new WorkflowBuilder('w').addStep('a', 'q.a', 'q.b').addStep('b', 'q.c', { input }).build();
  const hostile: [string, (context: WorkflowContext) => unknown][] = [
    ['throws', () => raise(new Error('bad mapper'))],
    ['throws no error', () => raise(null)],
    ['throws what cannot be shown', () => raise(Object.create(null))],
    ['returns a promise', () => Promise.resolve(1)],
    ['returns a promise that is rejected', () => Promise.reject(new Error('late'))],
    ['returns nothing', () => undefined],
    ['returns what is no JSON', () => 1n],
    ['returns what cannot be stored', () => '\u0000'],
    ['returns a number that is none', (context) => ({ total: [Number(context.get('price')) * 2] })],
    ['returns a circle', circle],
    ['writes to the context', (context) => ((context.input as { n: number }).n = 2)],
  ];

  it.each(hostile)('is called again, and then asks for a person, when a mapper %s', (_, mapper) => {
    const play = new SagaPlay(withMapper(mapper)).start({ n: 1 }).succeed('a');
    expect(play.saga).toMatchObject({ attention: [], stalls: [{ step: 'b', tries: 1 }] });
    play.wait().wait().wait();
    expect(play.factsOf('stalled').map(({ tries, delay }) => [tries, delay])).toEqual([
      [1, 500],
      [2, 1_000],
      [3, 2_000],
      [4, undefined],
    ]);
    expect(play.saga).toMatchObject({
      state: 'running',
      attention: [{ code: 'DEFINITION_ERROR', step: 'b' }],
    });
    expect(play.commands).toEqual(['q.a']);
    expect(play.saga.input).toEqual({ n: 1 });
  });

  it('goes on when a later call succeeds', () => {
    let calls = 0;
    const mapper = () => ((calls += 1) > 2 ? { calls } : raise(new Error('not yet')));
    const play = new SagaPlay(withMapper(mapper)).start().succeed('a').wait().wait();
    expect(play.commands).toEqual(['q.a', 'q.c']);
    expect(play.saga.stalls).toBeUndefined();
  });

  it('is called again when a person says so', () => {
    let broken = true;
    const mapper = () => (broken ? raise(new Error('not yet')) : { ok: true });
    const play = new SagaPlay(withMapper(mapper)).start().succeed('a').wait().wait().wait();
    broken = false;
    play.apply({ type: 'intervene', verb: 'retry', step: 'b', actor: 'ann', reason: 'mended' });
    expect(play.saga.attention).toEqual([]);
    expect(play.commands).toEqual(['q.a', 'q.c']);
  });

  it('asks for a person when a condition throws or returns a promise', () => {
    for (const condition of [
      () => raise(new Error('no')),
      async () => true,
      () => Promise.reject(new Error()),
    ]) {
      const workflow = new WorkflowBuilder('w').addConditionalStep('a', 'q.a', condition).build();
      expect(new SagaPlay(workflow).start().wait().wait().wait().saga).toMatchObject({
        state: 'pending',
        attention: [{ code: 'DEFINITION_ERROR', step: 'a' }],
      });
    }
  });

  it('keeps only such words of the error as can be stored', () => {
    const play = new SagaPlay(withMapper(() => raise(new Error(`\u0000${'x'.repeat(962)}😀 tail`))))
      .start()
      .succeed('a')
      .wait()
      .wait()
      .wait();
    const [item] = play.saga.attention;
    expect(item?.message).toHaveLength(1_000);
    expect(item?.message.isWellFormed()).toBe(true);
    expect(item?.message).not.toContain('\u0000');
  });

  it('can still be cancelled', () => {
    const play = new SagaPlay(withMapper(() => raise(new Error('no')))).start().succeed('a');
    play.apply({ type: 'cancel' }).undone('a');
    expect(play.saga).toMatchObject({ state: 'cancelled', attention: [] });
  });

  it('is not tried again and again by the timer of a start that was put off', () => {
    const workflow = new WorkflowBuilder('w')
      .addConditionalStep('a', 'q.a', () => raise(new Error()))
      .build();
    const play = new SagaPlay(workflow);
    play
      .start({}, play.now + 10)
      .wait()
      .wait()
      .wait()
      .wait();
    expect(play.saga.attention).toHaveLength(1);
    expect(play.ignored({ type: 'timer' })).toBe('nothing is due');
  });
});

describe('a result that fails the output schema', () => {
  const withOutput = (output: z.ZodType) =>
    new WorkflowBuilder('w').addStep('a', 'q.a', { output, compensation: 'q.undoA' }).build();

  it('fails that attempt, with the problem in the history', () => {
    const workflow = withOutput(z.object({ id: z.object({ n: z.number() }) }));
    const play = new SagaPlay(workflow).start().succeed('a', { id: { n: 'x' } });
    expect(play.factsOf('replied')[0]).toMatchObject({
      outcome: 'failed',
      error: { code: 'OUTPUT_INVALID', message: expect.stringContaining('id.n: ') },
    });
    expect(play.wait().succeed('a', { id: { n: 1 } }).saga.state).toBe('completed');
  });

  it('leaves the undo what the worker said about the effect', () => {
    const play = new SagaPlay(withOutput(z.string())).start();
    for (let attempt = 1; attempt <= 3; attempt += 1) play.succeed('a', 1, { undoData: attempt }).wait();
    play.succeed('a', 1, { undoData: 4 });
    expect(play.sent.at(-1)?.data).toMatchObject({ outcome: 'failed', undoData: 4 });
  });

  it('is asked of successes of the action only', () => {
    const play = new SagaPlay(withOutput(z.string())).start();
    play.fail('a', 'BUSY', { output: 1 }).wait().succeed('a', 'x');
    expect(play.factsOf('replied')[0]?.error?.code).toBe('BUSY');
    const cancelled = new SagaPlay(withOutput(z.string()))
      .start()
      .apply({ type: 'cancel' })
      .succeed('a', 'x');
    cancelled.apply(cancelled.replyOf('a', 'succeeded', { direction: 'undo', output: 1 }));
    expect(cancelled.saga.state).toBe('cancelled');
  });

  it('is what the schema makes of it', () => {
    const play = new SagaPlay(withOutput(z.object({ a: z.string().default('x') })))
      .start()
      .succeed('a', { b: 1 });
    expect(play.saga.steps['a']?.output).toEqual({ a: 'x' });
  });

  it.each<[string, z.ZodType]>([
    ['throws', z.string().refine(() => raise(new Error('bad refinement')))],
    ['is async', z.string().refine(async () => true)],
    ['makes of it what cannot be stored', z.string().overwrite((text) => `${text}\u0000`)],
    ['makes of it what is no JSON', z.string().overwrite(() => Infinity as never)],
  ])('is a failed attempt too when the schema %s', (_, schema) => {
    const play = new SagaPlay(withOutput(schema)).start().succeed('a', 'text');
    expect(play.saga.steps['a']?.forward).toMatchObject({
      status: 'waiting',
      error: { code: 'OUTPUT_INVALID' },
    });
  });
});

function raise(thrown: unknown): never {
  throw thrown;
}

function circle(): unknown {
  const round: Record<string, unknown> = {};
  round['self'] = round;
  return round;
}
