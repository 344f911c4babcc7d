import { describe, expect, test } from '@jest/globals';
import { StepResult } from './index.js';
import { isStepResult, kindOf } from './result.js';
import { fieldsOf } from '../test-support/recording.js';

describe('a StepResult', () => {
  test('is a success without data by default, ended now', () => {
    const before = Date.now();
    const result = new StepResult();
    const after = Date.now();
    expect({ ...fieldsOf(result), timestamp: undefined }).toEqual({
      success: true,
      data: {},
      error: null,
      rollbackData: {},
      skipped: false,
      timestamp: undefined,
    });
    expect(result.timestamp.getTime()).toBeGreaterThanOrEqual(before);
    expect(result.timestamp.getTime()).toBeLessThanOrEqual(after);
  });

  test('keeps each field that it is given', () => {
    const fields = {
      success: false,
      data: { files: 3 },
      error: 'Connection timeout',
      rollbackData: { ids: [1, 2] },
      skipped: true,
      timestamp: new Date(0),
    };
    expect(fieldsOf(new StepResult(fields))).toEqual(fields);
  });

  test('does not share its defaults with others', () => {
    expect(new StepResult().data).not.toBe(new StepResult().data);
    expect(new StepResult().rollbackData).not.toBe(new StepResult().rollbackData);
  });
});

describe('what counts as a StepResult', () => {
  test('is told by its form, not its class: it may come from another copy of the library', () => {
    expect(isStepResult(new StepResult())).toBe(true);
    expect(isStepResult(fieldsOf(new StepResult()))).toBe(true);
  });

  test.each([
    ['success', 'yes'],
    ['data', null],
    ['error', 7],
    ['rollbackData', 'none'],
    ['skipped', undefined],
    ['timestamp', '2026-01-01'],
  ])('is not what has a %s of %p', (field, value) => {
    expect(isStepResult({ ...fieldsOf(new StepResult()), [field]: value })).toBe(false);
  });

  test.each([[undefined], [null], [true], ['ok'], [{}], [[]], [{ success: true }]])('is not %p', (value) => {
    expect(isStepResult(value)).toBe(false);
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [[], 'an array'],
    [{}, 'an object'],
    [true, 'a boolean'],
    ['x', 'a string'],
  ])('%p is told as %s', (value, kind) => {
    expect(kindOf(value)).toBe(kind);
  });
});
