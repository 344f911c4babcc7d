import { describe, expect, test } from '@jest/globals';
import { LoggingStep, TimingStep, ValidationStep } from './index.js';
import type { ValidationStepOptions } from './index.js';
import { type TestContext, endOf } from '../test-support/recording.js';

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
    const { error, context } = await endOf(validation(validator));
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
    const { error } = await endOf(validation(validator));
    expect(error).toMatchObject({ code: 'STEP_FAILED', message: `Step 'validate_input' failed: ${message}` });
  });

  test('refuses a validator that is no function', () => {
    expect(() => validation(undefined as unknown as Validator)).toThrow(
      expect.objectContaining({ name: 'ValidationError', code: 'NOT_A_FUNCTION' }),
    );
  });

  test('works under the wrappers', async () => {
    const wrapped = new LoggingStep(new TimingStep(validation(() => [false, 'no input'])));
    const { error, context } = await endOf(wrapped);
    expect(error).toMatchObject({ message: "Step 'logged_timed_validate_input' failed: no input" });
    expect(context.stepResults[0]?.data).toEqual({ durationSeconds: expect.any(Number) });
  });
});
