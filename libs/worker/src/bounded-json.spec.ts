import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findJsonProblem } from '@counterstep/protocol';
import { boundedJson } from './bounded-json.js';

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('what a handler tells, as bounded JSON', () => {
  test('is a copy of what is small and JSON already', () => {
    const value = { a: 1, b: 'two', c: [true, null, { d: 4.5 }], e: {} };
    expect(boundedJson(value, 500)).toEqual(value);
  });

  test('has text in the place of what is no JSON', () => {
    const value = {
      big: 12n,
      none: Number.NaN,
      zero: -0,
      at: new Date(0),
      error: new TypeError('no'),
      fn: () => 1,
      left: undefined,
    };
    expect(boundedJson(value, 500)).toEqual({
      big: '12',
      none: 'NaN',
      zero: 0,
      at: '1970-01-01T00:00:00.000Z',
      error: 'TypeError: no',
    });
  });

  test('ends where a circle would go on for ever', () => {
    const value: Record<string, unknown> = { a: 1 };
    value['self'] = value;
    const copy = JSON.stringify(boundedJson(value, 2_000));
    expect(copy).toMatch(/^\{"a":1,"self":\{"a":1,.*…/);
  });

  test('is cut, and says where', () => {
    expect(boundedJson({ text: 'x'.repeat(10_000), more: 1 }, 100)).toEqual({
      text: expect.stringMatching(/^x{5,}…$/),
    });
    const list = boundedJson({ list: Array.from({ length: 10_000 }, () => 1) }, 300)['list'] as unknown[];
    expect(list.length).toBeLessThan(100);
    expect(list.at(-1)).toBe('…');
  });

  test('never looks at all of a huge value', () => {
    let looks = 0;
    const huge = new Proxy(Array.from({ length: 100_000 }), {
      get: (target, name, receiver) => {
        looks += 1;
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    boundedJson({ huge }, 2_048);
    expect(looks).toBeLessThan(5_000);
  });

  test('keeps to its bytes and can be stored and sent, whatever it was', () => {
    const anything = fc.dictionary(
      fc.string({ unit: 'binary' }),
      fc.anything({ withBigInt: true, withDate: true, withSparseArray: true }),
    );
    fc.assert(
      fc.property(anything, fc.integer({ min: 50, max: 3_000 }), (value, bytes) => {
        const copy = boundedJson(value, bytes);
        expect(sizeOf(copy)).toBeLessThanOrEqual(bytes + 100);
        expect(findJsonProblem(copy)).toBeUndefined();
        expect(JSON.parse(JSON.stringify(copy))).toEqual(copy);
      }),
      { numRuns: 1_000 },
    );
  });
});
