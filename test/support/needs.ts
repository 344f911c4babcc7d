import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Files that are reached by relative imports from the spec files in `folders` whose path passes `selected`. */
export async function reachedFrom(
  folders: string[],
  selected: (path: string) => boolean,
): Promise<Set<string>> {
  const specs = await Promise.all(folders.map((folder) => specsIn(folder)));
  const seen = new Set<string>();
  for (const spec of specs.flat().filter(selected)) await follow(spec, seen);
  return seen;
}

async function specsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  return entries.filter((name) => name.endsWith('.spec.ts')).map((name) => join(folder, name));
}

async function follow(file: string, seen: Set<string>): Promise<void> {
  if (seen.has(file)) return;
  seen.add(file);
  const text = await readFile(file, 'utf8').catch(() => '');
  for (const [, path = ''] of text.matchAll(/(?:from|import\()\s*['"](\.{1,2}\/[^'"]+)\.js['"]/g)) {
    await follow(`${resolve(dirname(file), path)}.ts`, seen);
  }
}
