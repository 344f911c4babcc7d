import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { FileError, fileErrorOf } from '../files.js';
import type { UploadContext } from './upload-context.js';

/** A file that was found; whether it can be used is not known yet. */
export interface FoundFile {
  readonly path: string;
  readonly relativePath: string;
  readonly specification: string | null;
}

/** A folder, or one file, that the parameters name. */
interface Root {
  readonly path: string;
  readonly specification: string | null;
  /** How many folders below it are looked into. */
  readonly depth: number;
}

/**
 * Every file that the parameters mean, in the order of their paths. Not those whose name begins with a dot, nor what is in
 * such folders; and links to folders are not followed.
 * @throws FileError when a path that was given is not there, or has no files.
 */
export async function findFiles({ params }: UploadContext, signal: AbortSignal): Promise<FoundFile[]> {
  const { path, assets = {}, recursive } = params;
  const roots: Root[] =
    path === undefined
      ? Object.entries(assets).map(([specification, asset]) => ({
          path: asset.path,
          specification,
          depth: asset.recursive ? Infinity : 0,
        }))
      : [{ path, specification: null, depth: recursive ? Infinity : 1 }];
  const found: FoundFile[] = [];
  for (const root of roots) {
    const paths = await pathsBelow(root, signal);
    if (paths.length === 0) throw new FileError('FILE_NOT_FOUND', root.path, 'there are no files in it');
    found.push(...paths.map((file) => ({ ...file, specification: root.specification })));
  }
  return found;
}

async function pathsBelow(
  { path, depth }: Root,
  signal: AbortSignal,
): Promise<Omit<FoundFile, 'specification'>[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [{ path, relativePath: basename(path) }];
    const found: string[] = [];
    for await (const relativePath of walk(path, '', depth, signal)) found.push(relativePath);
    return found.sort().map((relativePath) => ({ path: join(path, relativePath), relativePath }));
  } catch (thrown) {
    throw fileErrorOf(thrown, path);
  }
}

async function* walk(
  root: string,
  below: string,
  depth: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  signal.throwIfAborted();
  const folder = join(root, below);
  const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    throw fileErrorOf(thrown, folder);
  });
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const relativePath = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      if (depth > 0) yield* walk(root, relativePath, depth - 1, signal);
    } else if (!(await isLinkToFolder(entry, join(folder, entry.name)))) yield relativePath;
  }
}

async function isLinkToFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return false;
  // A link to nothing counts as a file, and will be told as one that is missing.
  return stat(path).then(
    (target) => target.isDirectory(),
    () => false,
  );
}

/** `.jpg` for `a.JPG`. */
export const extensionOf = (path: string): string => extname(path).toLowerCase();

const MOST_PROBLEMS = 10;

/** What is wrong, in one line: the first ten, and how many more. */
export function problemsIn(problems: readonly string[]): string {
  const more = problems.length - MOST_PROBLEMS;
  const shown = problems.slice(0, MOST_PROBLEMS).join('; ');
  return more > 0 ? `${shown}; and ${more} more` : shown;
}
