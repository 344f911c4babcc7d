import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findJsonProblem, parseJson, storableText } from './index.js';

const codeOf = (text: string): string => {
  const parsed = parseJson(text);
  return parsed.ok ? 'ok' : parsed.problem.code;
};

describe('parseJson', () => {
  it.each([
    ['{"a":[1,null,true,"x"]}', 'ok'],
    ['{"😀":"naïve 😀 \\ud83d\\ude00 \\u00e9"}', 'ok'],
    ['"a \\\\u0000 that is no escape"', 'ok'],
    ['"1e400 in words"', 'ok'],
    ['1e300', 'ok'],
    ['', 'NOT_JSON'],
    ['{', 'NOT_JSON'],
    ['{"a":1,}', 'NOT_JSON'],
    ['NaN', 'NOT_JSON'],
    ['"raw \u0000"', 'NOT_JSON'],
    ['"escaped \\u0000"', 'UNSTORABLE_TEXT'],
    ['{"key \\u0000":1}', 'UNSTORABLE_TEXT'],
    ['"raw \ud800"', 'UNSTORABLE_TEXT'],
    ['["\\ud83d"]', 'UNSTORABLE_TEXT'],
    ['["\\uDE00\\uD83D"]', 'UNSTORABLE_TEXT'],
    ['{"a":{"__proto__":{"admin":true}}}', 'FORBIDDEN_KEY'],
    ['{"\\u005f_proto__":1}', 'FORBIDDEN_KEY'],
    ['{"__\\u0070roto__":1}', 'FORBIDDEN_KEY'],
    ['{"__prot\\u006F__":1}', 'FORBIDDEN_KEY'],
    ['"__proto__"', 'ok'],
    ['1e400', 'UNSTORABLE_NUMBER'],
    ['{"a":[-1E+999]}', 'UNSTORABLE_NUMBER'],
    ['9'.repeat(400), 'UNSTORABLE_NUMBER'],
    [`${'9'.repeat(210)}e99`, 'UNSTORABLE_NUMBER'],
    [`[${'9'.repeat(209)}e99]`, 'ok'],
  ])('%j is %s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('takes what is nested 200 deep, and names what is deeper, however deep', () => {
    const nested = (depth: number, open: string, close: string) =>
      `${open.repeat(depth)}1${close.repeat(depth)}`;
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      expect(codeOf(nested(200, open, close))).toBe('ok');
      for (const depth of [201, 10_000, 200_000]) expect(codeOf(nested(depth, open, close))).toBe('NOT_JSON');
    }
    expect(codeOf(`[${'{"a":[]},'.repeat(1_000)}1]`)).toBe('ok');
  });

  it('names the place', () => {
    expect(parseJson('{"a":[1,{"b":"\\u0000"}]}')).toMatchObject({ problem: { path: 'a.1.b' } });
  });

  it('lets through only what can be written again and is then the same', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ stringUnit: 'binary' }), fc.string({ unit: 'binary' })), (text) => {
        const parsed = parseJson(text);
        if (!parsed.ok) return;
        const again = parseJson(JSON.stringify(parsed.value));
        // Of -0 JSON keeps no sign.
        expect(again.ok && JSON.stringify(again.value)).toBe(JSON.stringify(parsed.value));
        expect(findJsonProblem(parsed.value)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

describe('storableText', () => {
  it('cuts without leaving half a character, and holds no U+0000', () => {
    expect(storableText('ab😀', 3)).toBe('ab\ufffd');
    expect(storableText('a\u0000b', 9)).toBe('a\ufffdb');
    expect(storableText('ab😀', 4)).toBe('ab😀');
  });
});
