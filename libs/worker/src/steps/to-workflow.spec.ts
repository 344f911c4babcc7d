import { describe, expect, test } from '@jest/globals';
import { workflowFromJson } from '@counterstep/core';
import * as z from 'zod';
import { TRIP, registryOf, step } from '../../test-support/hosted-steps.js';
import { WorkerConfigError, createWorker, toWorkflow } from '../index.js';

const asJson = <T>(data: T): T => JSON.parse(JSON.stringify(data)) as T;

describe('the definition', () => {
  const registry = registryOf(step('book', { weight: 0.3 }), step('pay.now', { weight: 2 }));

  test('has a step for each one that is registered, with its rollback as the compensation', () => {
    const { workflow } = toWorkflow('trip', registry, {
      ...TRIP,
      queue: 'agency',
      timeout: 60_000,
      sagaTimeout: 3_600_000,
    });
    expect(workflow).toMatchObject({ name: 'trip', version: 1, sagaTimeout: 3_600_000, warnings: [] });
    expect(workflow.allSteps()).toMatchObject([
      {
        name: 'book',
        worker: 'trip.book',
        compensation: 'trip.book.rollback',
        queue: 'agency',
        barrier: 'external',
        progressWeight: 0.3,
        attemptTimeout: 60_000,
        retry: { initialDelay: 1 },
        undoRetry: { initialDelay: 1 },
      },
      { name: 'pay.now', worker: 'trip.pay.now', progressWeight: 2 },
    ]);
  });

  test('is served from the queue of its name unless it says otherwise', () => {
    const { workflow, handlers } = toWorkflow('media.upload', registry, TRIP);
    expect(new Set(workflow.allSteps().map(({ queue }) => queue))).toEqual(new Set(['media.upload']));
    expect(new Set(handlers.map(({ queue }) => queue))).toEqual(new Set(['media.upload']));
  });

  test('is data alone: as JSON, without any function, it is the same workflow', () => {
    const input = z.object({ traveller: z.string().min(1) });
    const { workflow } = toWorkflow('trip', registry, { ...TRIP, input });
    expect(workflowFromJson(asJson(workflow.toJSON())).digest).toBe(workflow.digest);
  });

  test('is that of the steps which were registered then', () => {
    const steps = registryOf(step('book'));
    const { workflow } = toWorkflow('trip', steps, TRIP);
    steps.register(step('later'));
    expect(workflow.allSteps()).toHaveLength(1);
  });

  test('of another version has other handlers, so that one worker may host both', () => {
    const one = toWorkflow('trip', registry, TRIP);
    const two = toWorkflow('trip', registry, { ...TRIP, version: 2 });
    expect(two.workflow.allSteps().map(({ worker }) => worker)).toEqual(['trip-v2.book', 'trip-v2.pay.now']);
    const handlers = [...one.handlers, ...two.handlers];
    expect(() => createWorker({ bus: {} as never, barrier: {} as never, handlers })).not.toThrow();
  });

  test.each([['load data'], ['a/b'], ['größe'], ['constructor'], ['x'.repeat(101)]])(
    'is refused when a step has a name that a saga cannot have: %s',
    (name) => {
      const build = () => toWorkflow('trip', registryOf(step(name)), TRIP);
      expect(build).toThrow(expect.objectContaining({ code: 'INVALID_WORKFLOW' }));
      expect(build).toThrow(name.slice(0, 100));
    },
  );

  test('is refused without a step, and with a weight that progress cannot have', () => {
    expect(() => toWorkflow('trip', registryOf(), TRIP)).toThrow(/EMPTY_WORKFLOW/);
    expect(() => toWorkflow('trip', registryOf(step('a', { weight: 1e9 })), TRIP)).toThrow(/progressWeight/);
  });

  test('is refused when a field of the input is the name of a step, whose result would hide it', () => {
    const input = z.object({ book: z.string() });
    expect(() => toWorkflow('trip', registry, { ...TRIP, input })).toThrow(WorkerConfigError);
    expect(() => toWorkflow('trip', registry, { ...TRIP, input })).toThrow(/'book' is a field of the input/);
  });

  test('is refused in barrier mode transaction, and without createContext', () => {
    const wrong = (options: object) => () => toWorkflow('trip', registry, { ...TRIP, ...options });
    expect(wrong({ barrier: 'transaction' })).toThrow(WorkerConfigError);
    expect(wrong({ createContext: undefined })).toThrow(WorkerConfigError);
  });

  test.each<[string, object]>([
    ['there is no option', { timeoutMs: 5 }],
    ['local must be a list', { local: 'cache' }],
    ['local must be a list', { local: [5] }],
    ['maxStateBytes must be', { maxStateBytes: Number.NaN }],
    ['maxStateBytes must be', { maxStateBytes: '1000' }],
    ['maxStateBytes must be', { maxStateBytes: 0 }],
  ])('is refused because %s (%j)', (words, options) => {
    const build = () => toWorkflow('trip', registry, { ...TRIP, ...options });
    expect(build).toThrow(WorkerConfigError);
    expect(build).toThrow(words);
  });

  test('is refused when a step has the name of the rollback of another, which would execute it', () => {
    const both = registryOf(step('book'), step('book.rollback'));
    expect(() => toWorkflow('trip', both, TRIP)).toThrow(WorkerConfigError);
    expect(() => toWorkflow('trip', both, TRIP)).toThrow(
      /'book.rollback' is a step, and the name of the rollback/,
    );
  });

  test('may do without a barrier', () => {
    const { workflow, handlers } = toWorkflow('trip', registry, { ...TRIP, barrier: 'none' });
    expect(workflow.allSteps()[0]?.barrier).toBe('none');
    expect(new Set(handlers.map(({ barrier }) => barrier))).toEqual(new Set(['none']));
  });
});
