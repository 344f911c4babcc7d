import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Every file below a folder, with what is in it. */
export async function filesIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const contents = await Promise.all(files.sort().map((file) => readFile(file, 'utf8')));
  return Object.fromEntries(
    files.sort().map((file, index) => [file.slice(folder.length + 1), contents[index] ?? '']),
  );
}
