import { describe, expect, test } from '@jest/globals';
import { answerOf, undoDataText } from './answer.js';
import { withUndoData } from './handler-context.js';
import { EffectCancelled, NonRetryable, StepRejected, UndoDataInvalid } from './handler-errors.js';

describe('what a handler returned is', () => {
  test('the output', () => {
    expect(answerOf({ returned: { id: 7 } })).toEqual({ outcome: 'succeeded', output: { id: 7 } });
  });

  test('nothing, when it returned nothing', () => {
    expect(answerOf({ returned: undefined })).toEqual({ outcome: 'succeeded' });
  });

  test('an output and what its undo needs', () => {
    expect(answerOf({ returned: withUndoData('done', { ref: 9 }) })).toEqual({
      outcome: 'succeeded',
      output: 'done',
      undoData: { ref: 9 },
    });
  });

  const loop: { self?: unknown } = {};
  loop.self = loop;
  test.each<[string, unknown, string]>([
    ['text that no table can hold', { a: ['\u0000'] }, 'output.a'],
    ['a circle', loop, ''],
    ['a big integer', 10n, ''],
    ['undo data that no table can hold', withUndoData(1, { '\ud800': 1 }), 'undoData'],
  ])('a failure that may be tried again, when it is %s', (_, returned, where) => {
    const answer = answerOf({ returned });
    expect(answer).toMatchObject({ outcome: 'failed', error: { code: 'OUTPUT_INVALID' }, retryable: true });
    expect(answer).toMatchObject({ error: { message: expect.stringContaining(where) } });
  });
});

describe('what a handler threw is', () => {
  test.each<[string, unknown, object]>([
    [
      'a rejection, when it is StepRejected',
      new StepRejected({ code: 'NO_FUNDS', message: 'no funds' }),
      { outcome: 'rejected', error: { code: 'NO_FUNDS', message: 'no funds' } },
    ],
    [
      'a failure for good, when it is NonRetryable',
      new NonRetryable({ code: 'CLOSED', message: 'closed' }),
      { outcome: 'failed', error: { code: 'CLOSED', message: 'closed' }, retryable: false },
    ],
    [
      'a failure that may be tried again, else',
      new Error('away'),
      { outcome: 'failed', error: { code: 'HANDLER_FAILED', message: 'away' }, retryable: true },
    ],
    [
      'read with the code that it brings',
      Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      { outcome: 'failed', error: { code: 'ECONNREFUSED', message: 'refused' }, retryable: true },
    ],
    [
      'read even when it is no error',
      { reason: 'odd' },
      { outcome: 'failed', error: { code: 'HANDLER_FAILED', message: '{"reason":"odd"}' }, retryable: true },
    ],
    [
      'cut to what a table can hold',
      new Error(`a\u0000${'x'.repeat(3_000)}`),
      {
        outcome: 'failed',
        error: { code: 'HANDLER_FAILED', message: `a${'x'.repeat(1_999)}` },
        retryable: true,
      },
    ],
  ])('%s', (_, thrown, answer) => {
    expect(answerOf({ thrown })).toEqual(answer);
  });

  describe('once its signal was aborted because nobody waits any more,', () => {
    const aborted = new EffectCancelled('cancelled');

    test('a failure for good with the reason of the signal', () => {
      expect(answerOf({ thrown: aborted, aborted })).toEqual({
        outcome: 'failed',
        error: { code: 'CANCELLED', message: 'the saga is being undone' },
        retryable: false,
      });
      expect(answerOf({ thrown: new Error('socket closed'), aborted })).toMatchObject({
        error: { code: 'CANCELLED', message: 'the saga is being undone: socket closed' },
      });
    });

    test('still what it says of itself', () => {
      const facts = { code: 'OWN', message: 'own' };
      expect(answerOf({ thrown: new StepRejected(facts), aborted })).toMatchObject({ outcome: 'rejected' });
      expect(answerOf({ thrown: new NonRetryable(facts), aborted })).toMatchObject({ error: facts });
    });
  });

  test('what it says when its time was over, which may be tried again', () => {
    const thrown = new DOMException('too late', 'TimeoutError');
    expect(answerOf({ thrown, aborted: thrown })).toMatchObject({ outcome: 'failed', retryable: true });
  });
});

describe('undo data of a heartbeat', () => {
  test('are what JSON makes of them', () => {
    expect(undoDataText({ a: 1, b: undefined })).toBe('{"a":1}');
  });

  test.each([
    ['a function', () => 1],
    ['a big integer', 10n],
    ['unstorable text', '\u0000'],
  ])('cannot be %s', (_, value) => {
    expect(() => undoDataText(value)).toThrow(UndoDataInvalid);
  });
});
