import { expect, jest, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { configSchema } from '@counterstep/orchestrator';

const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test("the README's example prints what the README says", async () => {
  const [, code = ''] = /```js\n(.*?)```/s.exec(readme) ?? [];
  const folder = await mkdtemp(join(tmpdir(), 'counterstep-readme-'));
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    const file = join(folder, 'trip.mjs');
    await writeFile(file, code);
    await import(pathToFileURL(file).href);
    expect(log.mock.calls).toEqual([
      ['cancelled', { seat: '12A' }],
      ['compensated', 'no room left'],
    ]);
  } finally {
    log.mockRestore();
    await rm(folder, { recursive: true, force: true });
  }
});

test('the README names every variable of the orchestrator, and no other', () => {
  const table = readme.split('\n').filter((line) => line.startsWith('| `'));
  const names = table.flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
  );
  expect(names.sort()).toEqual(Object.keys(configSchema.shape).sort());
});

test('the README links only to what is there', () => {
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
});

test('the README leads to every guide and every library', () => {
  const here = ['docs/guides', 'libs'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `](${folder}/${name})`),
  );
  expect(here.length).toBeGreaterThan(15);
  expect(here.filter((link) => !readme.includes(link))).toEqual([]);
});
