import { describe, expect, test } from '@jest/globals';
import {
  type BaseStep,
  LoggingStep,
  StepRegistry,
  StepsError,
  TimingStep,
  ValidationError,
} from './index.js';
import { type TestContext, step } from '../test-support/recording.js';

const names = (registry: StepRegistry<TestContext>) => registry.getSteps().map(({ name }) => name);
const abc = () => new StepRegistry<TestContext>().register(step('a')).register(step('b')).register(step('c'));

describe('a registry', () => {
  test('register adds a step at the end', () => {
    expect(names(abc())).toEqual(['a', 'b', 'c']);
  });

  test('unregister removes the step of that name, which can then be registered again', () => {
    const registry = abc().unregister('b');
    expect(names(registry)).toEqual(['a', 'c']);
    expect(names(registry.register(step('b')))).toEqual(['a', 'c', 'b']);
  });

  test('insertBefore adds a step right before another, the first one too', () => {
    expect(names(abc().insertBefore('c', step('x')).insertBefore('a', step('y')))).toEqual([
      'y',
      'a',
      'b',
      'x',
      'c',
    ]);
  });

  test('insertAfter adds a step right after another, the last one too', () => {
    expect(names(abc().insertAfter('a', step('x')).insertAfter('c', step('y')))).toEqual([
      'a',
      'x',
      'b',
      'c',
      'y',
    ]);
  });

  test('getSteps is a copy', () => {
    const registry = abc();
    registry.getSteps().length = 0;
    expect(registry.getSteps()).toHaveLength(3);
  });

  test('totalWeight is the sum of the weights', () => {
    const registry = new StepRegistry<TestContext>();
    expect(registry.totalWeight).toBe(0);
    registry.register(step('a', { weight: 0.25 })).register(step('b', { weight: 2 }));
    expect(registry.totalWeight).toBe(2.25);
  });

  test('length is the number of steps', () => {
    expect(new StepRegistry().length).toBe(0);
    expect(abc().length).toBe(3);
  });
});

const untyped = (value: unknown) => value as BaseStep<TestContext>;

describe.each<[string, (registry: StepRegistry<TestContext>, added: BaseStep<TestContext>) => void]>([
  ['register', (registry, added) => registry.register(added)],
  ['insertBefore', (registry, added) => registry.insertBefore('b', added)],
  ['insertAfter', (registry, added) => registry.insertAfter('b', added)],
])('%s refuses', (_method, add) => {
  test.each<[what: string, added: BaseStep<TestContext>, code: string, message: RegExp]>([
    ['a second step of the same name', step('c'), 'DUPLICATE_NAME', /'c' already/],
    ['a weight below 0', step('x', { weight: -0.1 }), 'WEIGHT_OUT_OF_BOUNDS', /'x' must be .* not -0\.1/],
    ['a weight that is no number', step('x', { weight: NaN }), 'WEIGHT_OUT_OF_BOUNDS', /not NaN/],
    ['a weight that is infinite', step('x', { weight: Infinity }), 'WEIGHT_OUT_OF_BOUNDS', /not Infinity/],
    ['an empty name', step(''), 'BAD_NAME', /not empty, not ''\.$/],
    ['a name that is no text', step(untyped(7) as unknown as string), 'BAD_NAME', /not a number/],
    ['a class instead of its instance', untyped(StepRegistry), 'NOT_A_STEP', /a function is no step/],
    ['nothing', untyped(undefined), 'NOT_A_STEP', /undefined is no step/],
    [
      'an object without rollback',
      untyped({ name: 'x', progressWeight: 1, execute() {}, canSkip() {} }),
      'NOT_A_STEP',
      /an object is no/,
    ],
  ])('%s, and stays as it was', (_what, added, code, message) => {
    const registry = abc();
    const adding = () => add(registry, added);
    expect(adding).toThrow(ValidationError);
    expect(adding).toThrow(StepsError);
    expect(adding).toThrow(expect.objectContaining({ code, retryable: false, name: 'ValidationError' }));
    expect(adding).toThrow(message);
    expect(names(registry)).toEqual(['a', 'b', 'c']);
  });

  test('nothing that has the weight 0', () => {
    const registry = abc();
    add(registry, step('x', { weight: 0 }));
    expect(registry.length).toBe(4);
  });
});

test.each<[string, (registry: StepRegistry<TestContext>) => void]>([
  ['unregister', (registry) => registry.unregister('d')],
  ['insertBefore', (registry) => registry.insertBefore('d', step('x'))],
  ['insertAfter', (registry) => registry.insertAfter('d', step('x'))],
])('%s refuses a name that it does not know, and tells those it does', (_method, act) => {
  const registry = abc();
  expect(() => act(registry)).toThrow(
    expect.objectContaining({
      code: 'UNKNOWN_STEP',
      message: "There is no step 'd'. The steps are: a, b, c.",
    }),
  );
  expect(names(registry)).toEqual(['a', 'b', 'c']);
});

test('a wrapped step counts by its wrapper’s name', () => {
  const registry = abc().register(new LoggingStep(step('a')));
  expect(names(registry)).toEqual(['a', 'b', 'c', 'logged_a']);
});

test.each([LoggingStep, TimingStep])('a wrapper refuses what is no step', (Wrapper) => {
  expect(() => new Wrapper(untyped(undefined))).toThrow(expect.objectContaining({ code: 'NOT_A_STEP' }));
});
