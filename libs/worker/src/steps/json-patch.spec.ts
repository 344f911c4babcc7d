import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '@counterstep/protocol';
import fc from 'fast-check';
import { applyPatch, patchBetween, patchSchema, topField } from './json-patch.js';

/** Few and odd names, so that paths meet: those that a pointer must escape, and such as lists and objects have by birth. */
const name = fc.constantFrom('a', 'b', '', '/', '~', '~1', 'a/b', '0', '1', '-', 'length', 'toString');
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, 1, 'a', ''),
    fc.array(tie('value'), { maxLength: 5 }),
    tie('object'),
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
})).object as fc.Arbitrary<JsonObject>;

const after = (before: JsonObject, patch: ReturnType<typeof patchBetween>): JsonObject => {
  const target = structuredClone(before);
  applyPatch(target, patch);
  return target;
};

describe('a patch between two objects', () => {
  test('makes the one of the other, also when it travels', () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        const patch = patchSchema.parse(JSON.parse(JSON.stringify(patchBetween(one, other))));
        expect(after(one, patch)).toEqual(other);
      }),
    );
  });

  test('is empty between equals', () => {
    fc.assert(fc.property(json, (one) => expect(patchBetween(one, structuredClone(one))).toEqual([])));
  });

  test.each<[what: string, before: JsonObject, after: JsonObject, patch: object[]]>([
    ['a field that comes', {}, { a: null }, [{ op: 'add', path: '/a', value: null }]],
    ['a field that goes', { a: null }, {}, [{ op: 'remove', path: '/a' }]],
    ['null for a value', { a: 1 }, { a: null }, [{ op: 'replace', path: '/a', value: null }]],
    ['an item at the end', { a: [1] }, { a: [1, 2] }, [{ op: 'add', path: '/a/1', value: 2 }]],
    [
      'an item at the beginning',
      { a: ['first', 'second', 'third'] },
      { a: ['zeroth', 'first', 'second', 'third'] },
      [{ op: 'add', path: '/a/0', value: 'zeroth' }],
    ],
    [
      'a field deep inside',
      {
        files: [
          { name: 'one', size: 1 },
          { name: 'two', size: 2 },
        ],
      },
      {
        files: [
          { name: 'one', size: 1 },
          { name: 'two', size: 3 },
        ],
      },
      [{ op: 'replace', path: '/files/1/size', value: 3 }],
    ],
    ['a name to escape', { 'a/b~': 1 }, { 'a/b~': 2 }, [{ op: 'replace', path: '/a~1b~0', value: 2 }]],
    [
      'all of a short list',
      { a: [1, 2, 3] },
      { a: [4, 5, 6] },
      [{ op: 'replace', path: '/a', value: [4, 5, 6] }],
    ],
  ])('says %s', (_what, before, after, patch) => {
    expect(patchBetween(before, after)).toEqual(patch);
  });

  test('is made in time that grows with the size, not with its square', () => {
    const list = (offset: number): JsonObject => ({
      list: Array.from({ length: 30_000 }, (_, index) => ({ n: index + offset })),
    });
    // The product of the lengths is 900,000,000: a method that took it would not end before the test is given up.
    expect(after(list(0), patchBetween(list(0), list(5)))).toEqual(list(5));
  });

  test('is applied to copies of what it adds', () => {
    const patch = patchSchema.parse([
      { op: 'add', path: '/a', value: [] },
      { op: 'add', path: '/a/0', value: 1 },
    ]);
    const target: JsonObject = {};
    applyPatch(target, patch);
    expect(target).toEqual({ a: [1] });
    expect(patch[0]).toEqual({ op: 'add', path: '/a', value: [] });
  });

  test.each(['/b/c', '/a/5', '/a/length', '/toString/name', '/__proto__/a', '/__proto__'])(
    'is refused when it leads nowhere: %s',
    (path) => {
      expect(() => applyPatch({ a: [1] }, [{ op: 'replace', path, value: 1 }])).toThrow(path);
      expect(() => applyPatch({ a: [1] }, [{ op: 'remove', path }])).toThrow(path);
    },
  );

  test('cannot give an object another prototype', () => {
    expect(() => applyPatch({}, [{ op: 'add', path: '/__proto__', value: { a: 1 } }])).toThrow(TypeError);
  });

  test('tells which field of the root an operation is about', () => {
    expect(topField('/a~1b')).toBe('a/b');
    expect(topField('/a/b')).toBeUndefined();
  });
});
