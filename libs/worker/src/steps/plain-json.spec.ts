import { describe, expect, test } from '@jest/globals';
import { NotJson, plainCopy, plainFields } from './plain-json.js';

class Money {
  constructor(readonly cents: number) {}
}

const loop: { self?: unknown } = {};
loop.self = { loop };

let deep: unknown = 'bottom';
for (let level = 0; level < 300; level += 1) deep = [deep];

describe('a copy as JSON', () => {
  test.each([
    [null],
    [''],
    [0.5],
    [{ a: [1, { b: null }], empty: {}, list: [] }],
    [Object.assign(Object.create(null) as object, { a: 1 })],
  ])('is of the same value: %j', (value) => {
    expect(plainCopy(value, 'it')).toEqual(JSON.parse(JSON.stringify(value)));
  });

  test('is no part of what it was made of', () => {
    const value = { a: [{ b: 1 }] };
    const copy = plainCopy(value, 'it');
    value.a[0]!.b = 2;
    expect(copy).toEqual({ a: [{ b: 1 }] });
  });

  test('leaves out a field that is undefined, as reading it gives the same', () => {
    expect(Object.keys(plainCopy({ a: undefined, b: 1 }, 'it') as object)).toEqual(['b']);
  });

  test.each<[value: unknown, message: string]>([
    [{ at: new Date() }, 'it.at: an instance of Date is no plain data'],
    [{ all: new Map() }, 'it.all: an instance of Map is no plain data'],
    [{ price: [new Money(5)] }, 'it.price.0: an instance of Money is no plain data'],
    [{ bytes: Buffer.from('') }, 'it.bytes: an instance of Buffer is no plain data'],
    [{ call: () => 1 }, 'it.call: a function is no JSON'],
    [{ id: 5n }, 'it.id: a bigint is no JSON'],
    [{ kind: Symbol('kind') }, 'it.kind: a symbol is no JSON'],
    [{ list: [1, undefined] }, 'it.list.1: undefined is no JSON'],
    [{ list: Object.assign([], { 0: 1, 2: 3 }) }, 'it.list.1: undefined is no JSON'],
    [undefined, 'it: undefined is no JSON'],
    [{ ratio: NaN }, 'it.ratio: NaN is no JSON'],
    [{ ratio: -Infinity }, 'it.ratio: -Infinity is no JSON'],
    [loop, 'it.self.loop: it contains itself'],
    [{ text: 'a\u0000' }, 'it.text: the character U+0000 is refused'],
    [JSON.parse('{"a":{"__proto__":1}}'), 'it.a.__proto__: this name is refused'],
    [deep, `it${'.0'.repeat(200)}: it is nested deeper than 200`],
  ])('is refused, with the path to what is in the way (%#)', (value, message) => {
    expect(() => plainCopy(value, 'it')).toThrow(NotJson);
    expect(() => plainCopy(value, 'it')).toThrow(message);
  });

  test('of the same object at two places is two copies', () => {
    const one = { a: 1 };
    expect(plainCopy([one, one], 'it')).toEqual([{ a: 1 }, { a: 1 }]);
  });
});

describe('the fields of an object', () => {
  class Shape {
    width = 2;
    name: string | undefined = undefined;
    #secret = 1;
    readonly cache = new Map();
    get area(): number {
      return this.width * this.#secret;
    }
    grow(): void {
      this.width += 1;
    }
  }

  test('are those that are its own and wanted, without methods, getters and private fields', () => {
    expect(plainFields(new Shape(), (field) => field !== 'cache')).toEqual({ width: 2 });
  });

  test('are refused with their names as paths', () => {
    expect(() => plainFields(new Shape(), () => true)).toThrow(/^cache: an instance of Map/);
  });
});
