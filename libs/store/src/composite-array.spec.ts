import { StoreContentError } from '@counterstep/engine';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CompositeArray } from './composite-array.js';

const TYPE_ID = 4_000_000_000;
const KINDS = ['uuid', 'int', 'boolean', 'text', 'bigint', 'bigint'] as const;

const row = fc.tuple(
  fc.uuid(),
  fc.integer(),
  fc.boolean(),
  fc.option(fc.string({ unit: 'grapheme', size: '+2' }), { nil: undefined }),
  fc.maxSafeInteger(),
  fc.option(fc.maxSafeInteger(), { nil: undefined }),
);
type Row = typeof row extends fc.Arbitrary<infer Value> ? Value : never;

describe('rows as Postgres reads them in binary', () => {
  test('are what was written, whatever their length', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
        expect(read(written(rows))).toEqual(rows);
      }),
    );
  });

  test('of none are the empty array', () => {
    expect(written([]).toString('hex')).toBe('0000000000000000ee6b2800');
  });

  test.each([
    ['a number that is no whole one', (rows: CompositeArray) => rows.bigint(1.5), '22003'],
    ['a number that a double does not hold', (rows: CompositeArray) => rows.bigint(2 ** 53), '22003'],
    ['an int of more than 32 bits', (rows: CompositeArray) => rows.int(2 ** 31), '22003'],
    ['too short a UUID', (rows: CompositeArray) => rows.uuid('0189'), '22P02'],
    ['another text for a UUID', (rows: CompositeArray) => rows.uuid('x'.repeat(36)), '22P02'],
    ['a UUID with a sign', (rows: CompositeArray) => rows.uuid(`+${'0'.repeat(31)}----`), '22P02'],
  ])('refuse %s', (_what, write, code) => {
    const rows = new CompositeArray(TYPE_ID, 1, 1);
    rows.row();
    let refusal: unknown;
    try {
      write(rows);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(StoreContentError);
    expect(refusal).toMatchObject({ code });
  });
});

function written(all: readonly Row[]): Buffer {
  const rows = new CompositeArray(TYPE_ID, KINDS.length, all.length);
  for (const [uuid, int, boolean, text, moment, none] of all) {
    rows.row();
    rows.uuid(uuid);
    rows.int(int);
    rows.boolean(boolean);
    rows.text(text);
    rows.bigint(moment);
    rows.bigint(none);
  }
  return rows.bytes();
}

const TYPES = { uuid: 2950, int: 23, boolean: 16, text: 25, bigint: 20 };

const READ = {
  uuid: (bytes: Buffer) =>
    bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  int: (bytes: Buffer) => bytes.readInt32BE(),
  boolean: (bytes: Buffer) => bytes.readUInt8() === 1,
  text: (bytes: Buffer) => bytes.toString(),
  bigint: (bytes: Buffer) => Number(bytes.readBigInt64BE()),
};

/** As the server does. */
function read(bytes: Buffer): unknown[] {
  let at = 0;
  const word = (): number => bytes.readInt32BE((at += 4) - 4);
  const dimensions = word();
  expect([word(), word() >>> 0]).toEqual([0, TYPE_ID]);
  if (dimensions === 0) return [];
  const length = word();
  expect(word()).toBe(1);
  const rows = Array.from({ length }, () => {
    const end = word() + at;
    expect(word()).toBe(KINDS.length);
    const cells = KINDS.map((kind) => {
      expect(word()).toBe(TYPES[kind]);
      const size = word();
      return size < 0 ? undefined : READ[kind](bytes.subarray(at, (at += size)));
    });
    expect(at).toBe(end);
    return cells;
  });
  expect(at).toBe(bytes.length);
  return rows;
}
