import { expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { examplesOf } from '../../scripts/docs-examples.mjs';

const root = join(import.meta.dirname, '..', '..');

test('an example is found on the lines where it stands, other code is not', () => {
  const page = [
    '# Title',
    '```ts test',
    'const a = 1;',
    '```',
    'text',
    '```ts',
    'const b = …;',
    '```',
    'end',
  ];
  expect(examplesOf(page.join('\n'))?.split('\n')).toEqual(['', '', 'const a = 1;', '', '', '', '', '', '']);
});

test('the blocks of a page are one module; one in a comment, which readers do not see, is part of it', () => {
  const page = ['```ts test', 'const a = 1;', '```', '<!--', '```ts test', 'check(a);', '```', '-->'];
  expect(examplesOf(page.join('\n'))?.split('\n').filter(Boolean)).toEqual(['const a = 1;', 'check(a);']);
});

test('a page without examples makes no test', () => {
  expect(examplesOf('# Title\n```ts\nconst a = …;\n```\n')).toBeUndefined();
});

test('every guide with examples is run, as it is now', () => {
  const guides = join(root, 'docs/guides');
  for (const page of readdirSync(guides)) {
    const code = examplesOf(readFileSync(join(guides, page), 'utf8'));
    const spec = join(root, '.cache/docs', page.replace(/\.md$/, '.spec.ts'));
    expect([page, existsSync(spec) ? readFileSync(spec, 'utf8') : undefined]).toEqual([page, code]);
  }
});
