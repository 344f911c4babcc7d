import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SeededBug } from './seeded-bugs.js';

const root = join(import.meta.dirname, '..', '..');

/** A copy of the sources with the bug in it, which `remove` takes away. */
export interface Copy {
  readonly root: string;
  remove(): void;
}

/**
 * Copies what the rules are made of, or all that tests need, and plants the bug. Throws when its place is not found exactly
 * once: then the rule was rewritten, and the bug must be too.
 */
export function copyWith({ name, file, find, put }: SeededBug, how: 'rules' | 'tests'): Copy {
  const path = join('libs', file);
  const source = readFileSync(join(root, path), 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`seeded bug '${name}': its place is ${places} times in ${path}`);
  const copy = mkdtempSync(join(tmpdir(), 'counterstep-seeded-'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const part of how === 'rules' ? RULES : TESTS) {
    mkdirSync(dirname(join(copy, part)), { recursive: true });
    cpSync(join(root, part), join(copy, part), { recursive: true, filter: isSource });
  }
  writeFileSync(
    join(copy, path),
    source.replace(find, () => put),
  );
  return { root: copy, remove: () => rmSync(copy, { recursive: true, force: true }) };
}

const RULES = ['package.json', 'libs/core/src'];
const TESTS = ['package.json', 'jest.config.js', 'libs', 'test'];

function isSource(path: string): boolean {
  return !/\/(?:dist|node_modules)$/.test(path);
}
