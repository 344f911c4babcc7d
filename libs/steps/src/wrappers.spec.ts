import { describe, expect, test } from '@jest/globals';
import { LoggingStep, Orchestrator, StepRegistry, StepResult, TimingStep, ValidationStep } from './index.js';
import type { BaseStep, ValidationStepOptions } from './index.js';
import { type Behaviour, TestContext, step } from '../test-support/recording.js';

async function run(...steps: BaseStep<TestContext>[]) {
  const context = new TestContext();
  const registry = new StepRegistry<TestContext>();
  for (const one of steps) registry.register(one);
  let error: unknown;
  await new Orchestrator(registry, context).execute().catch((thrown: unknown) => {
    error = thrown;
  });
  return { context, error };
}

const slow = async () => {
  const end = performance.now() + 5;
  while (performance.now() < end) await new Promise(setImmediate);
  return new StepResult({ data: { files: 3 }, rollbackData: { ids: [1] } });
};
const seconds = expect.any(Number);

describe.each<[string, (step: BaseStep<TestContext>) => BaseStep<TestContext>, string]>([
  ['LoggingStep', (wrapped) => new LoggingStep(wrapped), 'logged_work'],
  ['TimingStep', (wrapped) => new TimingStep(wrapped), 'timed_work'],
  ['both', (wrapped) => new LoggingStep(new TimingStep(wrapped)), 'logged_timed_work'],
])('%s', (_name, wrap, name) => {
  test('has a name of its own and the weight of the wrapped step', () => {
    const wrapped = wrap(step('work', { weight: 0.7 }));
    expect(wrapped.name).toBe(name);
    expect(wrapped.progressWeight).toBe(0.7);
  });

  test('skips when the wrapped step does, and then logs nothing', async () => {
    const { context } = await run(wrap(step('work', { canSkip: () => true })));
    expect(context.did).toEqual([]);
    expect(context.stepResults).toEqual([expect.objectContaining({ skipped: true })]);
    expect(context.told.logs).toEqual([]);
  });

  test('rolls back the wrapped step with its rollback data', async () => {
    const given: unknown[] = [];
    const work: Behaviour = {
      execute: slow,
      rollback: (_context, result) => given.push(result.rollbackData),
    };
    const { context } = await run(wrap(step('work', work)), step('b', { execute: () => 'odd' }));
    expect(context.did).toEqual(['work', 'b', 'undo work']);
    expect(given).toEqual([{ ids: [1] }]);
  });

  test('keeps the failure of the wrapped step', async () => {
    const cause = new Error('Out of memory');
    const thrown = await run(wrap(step('work', { execute: () => Promise.reject(cause) })));
    expect(thrown.error).toMatchObject({ message: `Step '${name}' failed: Out of memory`, cause });
    const told = await run(
      wrap(step('work', { execute: () => new StepResult({ success: false, error: 'full' }) })),
    );
    expect(told.error).toMatchObject({ message: `Step '${name}' failed: full` });
  });

  test('passes the signals on', async () => {
    const seen: unknown[] = [];
    const see = (signal: unknown) => seen.push(signal instanceof AbortSignal);
    const work: Behaviour = {
      canSkip: (_context, signal) => !see(signal),
      execute: (_context, signal) => {
        see(signal);
        return new StepResult();
      },
      rollback: (_context, _result, signal) => see(signal),
    };
    await run(wrap(step('work', work)), step('b', { execute: () => 'odd' }));
    expect(seen).toEqual([true, true, true]);
  });

  test('leaves it to the orchestrator to say that something is no StepResult', async () => {
    const { error } = await run(wrap(step('work', { execute: () => undefined })));
    expect(error).toMatchObject({ code: 'INVALID_RESULT' });
  });
});

describe('LoggingStep', () => {
  test('logs the start and the end, with the name of the wrapped step and seconds', async () => {
    const { context } = await run(new LoggingStep(step('work', { execute: slow })));
    expect(context.told.logs.map(({ event, data }) => [event, data])).toEqual([
      ['step_start', { step: 'work' }],
      ['step_end', { step: 'work', elapsed: seconds, success: true, skipped: false }],
    ]);
    const elapsed = Number(context.told.logs[1]?.data.elapsed);
    expect(elapsed).toBeGreaterThan(0.004);
    expect(elapsed).toBeLessThan(30);
  });

  test.each<[string, Behaviour['execute'], { success: boolean; skipped: boolean }]>([
    ['fails', () => new StepResult({ success: false }), { success: false, skipped: false }],
    ['throws', () => Promise.reject(new Error('x')), { success: false, skipped: false }],
    ['returns nothing', () => undefined, { success: false, skipped: false }],
    ['finds nothing to do', () => new StepResult({ skipped: true }), { success: true, skipped: true }],
  ])('tells that a step %s', async (_what, execute, told) => {
    const { context } = await run(new LoggingStep(step('work', execute ? { execute } : {})));
    expect(context.told.logs[1]).toMatchObject({ event: 'step_end', data: { step: 'work', ...told } });
  });

  test('lets its step run and be known when the logger fails', async () => {
    const context = new TestContext();
    context.told.log = () => {
      throw new Error('disk full');
    };
    const registry = new StepRegistry<TestContext>().register(new LoggingStep(step('work')));
    await new Orchestrator(registry, context).execute();
    expect(context.errors).toEqual([
      "Logging 'step_start' failed: disk full",
      "Logging 'step_end' failed: disk full",
    ]);
  });
});

describe('TimingStep', () => {
  test('adds the seconds to the data, and changes nothing else', async () => {
    const timestamp = new Date(0);
    const fields = { data: { files: 3 }, rollbackData: { ids: [1] }, timestamp };
    const { context } = await run(new TimingStep(step('work', { execute: () => new StepResult(fields) })));
    expect(context.stepResults).toEqual([
      new StepResult({ ...fields, data: { files: 3, durationSeconds: seconds } }),
    ]);
  });

  test('measures how long the wrapped step took, also when it failed', async () => {
    const execute = async () => new StepResult({ data: (await slow()).data, success: false });
    const { context } = await run(new TimingStep(step('work', { execute })));
    const duration = Number(context.stepResults[0]?.data.durationSeconds);
    expect(duration).toBeGreaterThan(0.004);
    expect(duration).toBeLessThan(30);
  });
});

describe('ValidationStep', () => {
  type Validator = ValidationStepOptions<TestContext>['validator'];
  const validation = (validator: Validator) =>
    new ValidationStep<TestContext>({ validator, name: 'validate_input', progressWeight: 0.05 });

  test('has the name and the weight that it is given', () => {
    expect(validation(() => [true])).toMatchObject({ name: 'validate_input', progressWeight: 0.05 });
  });

  test.each<[string, Validator]>([
    ['sync', (context) => [context.did.length === 0, 'x']],
    ['async', async (context) => [context.did.length === 0, null]],
  ])('succeeds when a validator, %s, says that the context is valid', async (_kind, validator) => {
    const { error, context } = await run(validation(validator));
    expect(error).toBeUndefined();
    expect(context.stepResults).toEqual([expect.objectContaining({ success: true, skipped: false })]);
  });

  test.each<[string, Validator, string]>([
    ['sync', () => [false, 'input_dir is required'], 'input_dir is required'],
    ['async', async () => [false, 'input_dir is required'], 'input_dir is required'],
    ['without a message', () => [false], 'it is not valid'],
    ['with null as its message', () => [false, null], 'it is not valid'],
    ['that throws', () => Promise.reject(new Error('no such folder')), 'no such folder'],
    [
      'that returns nothing',
      (() => undefined) as unknown as Validator,
      'the validator returned undefined, not [valid, message]',
    ],
    [
      'that returns a text',
      (() => 'no') as unknown as Validator,
      'the validator returned a string, not [valid, message]',
    ],
    [
      'that returns no boolean',
      (() => ['no']) as unknown as Validator,
      'the validator returned an array, not [valid, message]',
    ],
  ])('fails with the message of a validator, %s', async (_kind, validator, message) => {
    const { error } = await run(validation(validator));
    expect(error).toMatchObject({ code: 'STEP_FAILED', message: `Step 'validate_input' failed: ${message}` });
  });

  test('refuses a validator that is no function', () => {
    expect(() => validation(undefined as unknown as Validator)).toThrow(
      expect.objectContaining({ name: 'ValidationError', code: 'NOT_A_FUNCTION' }),
    );
  });

  test('works under the wrappers', async () => {
    const wrapped = new LoggingStep(new TimingStep(validation(() => [false, 'no input'])));
    const { error, context } = await run(wrapped);
    expect(error).toMatchObject({ message: "Step 'logged_timed_validate_input' failed: no input" });
    expect(context.stepResults[0]?.data).toEqual({ durationSeconds: seconds });
  });
});
