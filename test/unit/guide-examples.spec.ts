import { afterEach, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

const GUIDES = join(import.meta.dirname, '..', '..', 'docs', 'guides');

/** Each block of JavaScript that a page follows up with what it prints. */
function examplesOf(page: string): { code: string; printed: string }[] {
  const text = readFileSync(join(GUIDES, page), 'utf8');
  const blocks = text.matchAll(/```js\n(.*?)```\s+prints\s+```text\n(.*?)```/gs);
  return [...blocks].map(([, code = '', printed = '']) => ({ code, printed }));
}

const examples = ['starting.md', 'schedules.md'].flatMap((page) =>
  examplesOf(page).map((example, index) => ({ name: `${page}, example ${index + 1}`, ...example })),
);

let folder: string | undefined;

afterEach(async () => {
  jest.restoreAllMocks();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test('each page has an example', () => {
  expect(examples.map(({ name }) => name)).toEqual(['starting.md, example 1', 'schedules.md, example 1']);
});

test.each(examples)('$name prints what the page says', async ({ code, printed }) => {
  folder = await mkdtemp(join(tmpdir(), 'counterstep-guide-'));
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  const file = join(folder, 'example.mjs');
  await writeFile(file, code);
  await import(pathToFileURL(file).href);
  expect(log.mock.calls.map((args) => `${format(...args)}\n`).join('')).toBe(printed);
});
