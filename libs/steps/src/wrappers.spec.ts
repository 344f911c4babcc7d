import { describe, expect, test } from '@jest/globals';
import { LoggingStep, Orchestrator, StepRegistry, StepResult, TimingStep } from './index.js';
import type { BaseStep } from './index.js';
import { type Behaviour, TestContext, endOf, step } from '../test-support/recording.js';

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
    const { context } = await endOf(wrap(step('work', { canSkip: () => true })));
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
    const { context } = await endOf(wrap(step('work', work)), step('b', { execute: () => 'odd' }));
    expect(context.did).toEqual(['work', 'b', 'undo work']);
    expect(given).toEqual([{ ids: [1] }]);
  });

  test('keeps the failure of the wrapped step', async () => {
    const cause = new Error('Out of memory');
    const thrown = await endOf(wrap(step('work', { execute: () => Promise.reject(cause) })));
    expect(thrown.error).toMatchObject({ message: `Step '${name}' failed: Out of memory`, cause });
    const told = await endOf(
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
    await endOf(wrap(step('work', work)), step('b', { execute: () => 'odd' }));
    expect(seen).toEqual([true, true, true]);
  });

  test('leaves it to the orchestrator to say that something is no StepResult', async () => {
    const { error } = await endOf(wrap(step('work', { execute: () => undefined })));
    expect(error).toMatchObject({ code: 'INVALID_RESULT' });
  });
});

describe('LoggingStep', () => {
  test('logs the start and the end, with the name of the wrapped step and seconds', async () => {
    const { context } = await endOf(new LoggingStep(step('work', { execute: slow })));
    expect(context.told.logs.map(({ event, data }) => [event, data])).toEqual([
      ['step_start', { step: 'work' }],
      ['step_end', { step: 'work', elapsed: seconds, success: true, skipped: false }],
    ]);
    const elapsed = Number(context.told.logs[1]?.data.elapsed);
    expect(elapsed).toBeGreaterThan(0.004);
    expect(elapsed).toBeLessThan(30);
    expect(String(elapsed)).toMatch(/^\d+\.\d{1,6}$/);
  });

  test.each<[string, Behaviour['execute'], { success: boolean; skipped: boolean }]>([
    ['fails', () => new StepResult({ success: false }), { success: false, skipped: false }],
    ['throws', () => Promise.reject(new Error('x')), { success: false, skipped: false }],
    ['returns nothing', () => undefined, { success: false, skipped: false }],
    ['finds nothing to do', () => new StepResult({ skipped: true }), { success: true, skipped: true }],
  ])('tells that a step %s', async (_what, execute, told) => {
    const { context } = await endOf(new LoggingStep(step('work', execute ? { execute } : {})));
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
    const { context } = await endOf(new TimingStep(step('work', { execute: () => new StepResult(fields) })));
    expect(context.stepResults).toEqual([
      new StepResult({ ...fields, data: { files: 3, durationSeconds: seconds } }),
    ]);
  });

  test('measures how long the wrapped step took, also when it failed', async () => {
    const execute = async () => new StepResult({ data: (await slow()).data, success: false });
    const { context } = await endOf(new TimingStep(step('work', { execute })));
    const duration = Number(context.stepResults[0]?.data.durationSeconds);
    expect(duration).toBeGreaterThan(0.004);
    expect(duration).toBeLessThan(30);
  });
});
