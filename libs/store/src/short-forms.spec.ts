import type { Fact, SagaRow } from '@counterstep/core';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { factsFrom, factsText, positionFrom, positionText } from './short-forms.js';

const direction = fc.constantFrom('forward', 'undo');
const count = fc.integer({ min: 0, max: 3 });
const step = fc.string();
const outcome = fc.constantFrom('succeeded', 'rejected', 'failed', 'unknown');
// JSON has no -0.
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

const fact = fc.oneof(
  factOf('started', { input: fc.dictionary(fc.string(), json) }),
  factOf('entered', { step, stage: fc.array(count), taken: fc.boolean() }, { input: json, kind: step }),
  factOf('command', { step, direction, run: count, attempt: count, timeout: count }, { input: json }),
  factOf('replied', { step, direction, attempt: count, outcome }, { output: json, noop: fc.boolean() }),
  factOf('timedOut', { step, direction, attempt: count, error: fc.record({ code: step }) }),
  factOf('retryPlanned', { step, direction, delay: count }),
  factOf('heartbeat', { step, direction, attempt: count, undoData: json, timeout: count }),
  factOf('lateReply', { step, direction, run: count, attempt: count, outcome }, { output: json }),
  factOf('attention', { code: step, message: step }, { step, direction }),
  factOf('intervened', { verb: step }, { step, direction, outcome }),
  factOf('finished', { state: fc.constantFrom('completed', 'failed', 'cancelled') }),
);

describe('facts as they are stored', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(fact), (facts) => {
        expect(factsFrom(factsText(facts))).toStrictEqual(facts);
      }),
    );
  });

  test('are read the same when all their fields were stored', () => {
    fc.assert(
      fc.property(fc.array(fact), (facts) => {
        expect(factsFrom(JSON.stringify(facts))).toStrictEqual(facts);
      }),
    );
  });

  test('lack what nearly always holds', () => {
    const command = { type: 'command', step: 'a', direction: 'forward', run: 1, timeout: 9 } as const;
    expect(factsText([{ ...command, attempt: 1 }])).toBe('[{"type":"command","step":"a","timeout":9}]');
    expect(factsText([{ ...command, attempt: 2 }])).toBe(
      '[{"type":"command","step":"a","timeout":9,"attempt":2}]',
    );
    expect(factsText([{ type: 'finished', state: 'completed' }])).toBe('[{"type":"finished"}]');
  });
});

describe('positions as they are stored', () => {
  const status = fc.constantFrom('running', 'waiting', 'signal', 'sleep', 'stalled');
  const position = fc.array(fc.tuple(step, direction, count, count, status, count)) as fc.Arbitrary<
    SagaRow['position']
  >;

  test('are read as they were written, and as they would have been written whole', () => {
    fc.assert(
      fc.property(position, (entries) => {
        expect(positionFrom(positionText(entries))).toStrictEqual(entries);
        expect(positionFrom(JSON.stringify(entries))).toStrictEqual(entries);
      }),
    );
  });

  test('lack what nearly always holds', () => {
    expect(positionText([['a', 'forward', 1, 1, 'running', 9]])).toBe('[["a",9]]');
  });
});

/** A fact with the fields that it must have and some that it may. */
function factOf(
  type: Fact['type'],
  must: Record<string, fc.Arbitrary<unknown>>,
  may: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<Fact> {
  return fc
    .tuple(fc.record(must), fc.record(may, { requiredKeys: [] }))
    .map((parts) => JSON.parse(JSON.stringify(Object.assign({ type }, ...parts))) as Fact);
}
