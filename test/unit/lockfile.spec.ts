import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const root = join(import.meta.dirname, '..', '..');
const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));

const entry = z.looseObject({
  optionalDependencies: z.record(z.string(), z.string()).optional(),
  hasInstallScript: z.boolean().optional(),
  resolved: z.string().optional(),
});
const { packages } = z
  .looseObject({ packages: z.record(z.string(), entry) })
  .parse(read('package-lock.json'));
const { allowScripts } = z
  .looseObject({ allowScripts: z.record(z.string(), z.boolean()) })
  .parse(read('package.json'));
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

test('the lock file has the binaries for every platform, or npm ci refuses it', () => {
  const locked = new Set(Object.keys(packages).map(nameOf));
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !locked.has(name))
      .map((name) => `${path} → ${name}`),
  );
  expect(missing).toEqual([]);
});

test('every install script among the dependencies was allowed or denied by somebody', () => {
  const scripts = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  const undecided = scripts.map(([path]) => nameOf(path)).filter((name) => !(name in allowScripts));
  expect(undecided).toEqual([]);
});

test('the lock file names no registry', () => {
  const resolved = Object.values(packages).map((locked) => locked.resolved ?? '');
  expect(resolved.filter((address) => address.startsWith('http'))).toEqual([]);
});
