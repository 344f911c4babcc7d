import { describe, expect, test } from '@jest/globals';
import { plain, quoted } from './array-literal.js';

const same = <T>(value: T): T => value;

describe('arrays as Postgres reads them', () => {
  test('of plain values', () => {
    expect(plain([], same)).toBe('{}');
    expect(plain([1, undefined, true, 'forward', -2.5], same)).toBe('{1,null,true,forward,-2.5}');
  });

  test('of texts', () => {
    const texts = ['a', '', 'NULL', undefined, 'say "x"', 'a\\b', 'a,b', '{}', 'two\nlines'];
    expect(quoted(texts, same)).toBe('{"a","","NULL",null,"say \\"x\\"","a\\\\b","a,b","{}","two\nlines"}');
  });
});
