import { randomUUID } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import {
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { type Readable, addAbortSignal } from 'node:stream';
import type { Storage, StoredFile } from '../storage.js';
import { StorageError, checkKey } from '../storage.js';

/** Where files are until they are whole. It is on the same file system as what they are renamed to. */
const INCOMING = '.incoming';

/**
 * Files below one folder, each at the path that is its key. A file appears whole, under its key, once it is on the disk; until
 * then it is in the subfolder `.incoming`, which is there only while files are written, and which no key may name.
 * Folders come with the first file in them and go with the last. Symbolic links below the folder are not followed: a key
 * that leads through one is refused.
 */
export class LocalFolderStorage implements Storage {
  readonly #folder: string;

  /** The folder need not exist yet; it stays when the last file has gone. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(key: string, content: Readable, signal?: AbortSignal): Promise<StoredFile> {
    let incoming: string | undefined;
    try {
      checkKey(key);
      const root = await this.#root();
      const path = await this.#pathOf(root, key);
      signal?.throwIfAborted();
      incoming = join(root, INCOMING, randomUUID());
      const size = await save(content, await opened(incoming), signal);
      await moveIn(incoming, path, root);
      return { key, size };
    } catch (thrown) {
      content.destroy();
      if (incoming) await rm(incoming, { force: true });
      signal?.throwIfAborted();
      throw thrown;
    } finally {
      if (incoming) await removeEmpty(dirname(incoming));
    }
  }

  async read(key: string, signal?: AbortSignal): Promise<Readable> {
    checkKey(key);
    const path = await this.#pathOf(await this.#root(), key);
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((thrown: unknown) => {
      throw isAbsence(thrown) ? absent(key) : thrown;
    });
    const stats = await file.stat();
    if (!stats.isFile()) {
      await file.close();
      throw absent(key);
    }
    return file.createReadStream(signal ? { signal } : {});
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    const root = await this.#root();
    const path = await this.#pathOf(root, key);
    try {
      await unlink(path);
    } catch (thrown) {
      if (isAbsence(thrown) || (await isFolder(path))) return;
      throw thrown;
    }
    await removeEmptyUpTo(root, dirname(path));
  }

  async list(prefix: string, signal?: AbortSignal): Promise<string[]> {
    const slash = prefix.lastIndexOf('/');
    const below = prefix.slice(0, Math.max(slash, 0));
    if (slash >= 0) checkKey(below);
    const root = await this.#root();
    await this.#pathOf(root, join(below, 'any'));
    const keys: string[] = [];
    for await (const key of walk(root, below, signal)) if (key.startsWith(prefix)) keys.push(key);
    return keys.sort();
  }

  /** Its real path: the folder itself may well be a link. */
  async #root(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    return realpath(this.#folder);
  }

  async #pathOf(root: string, key: string): Promise<string> {
    const parts = key.split('/');
    if (parts[0] === INCOMING) throw badKey(key, `'${INCOMING}' holds files that are not whole yet`);
    let path = root;
    for (const part of parts.slice(0, -1)) {
      path = join(path, part);
      const stats = await lstat(path).catch(() => undefined);
      if (!stats) break;
      if (stats.isSymbolicLink()) throw badKey(key, `'${part}' is a symbolic link`);
    }
    return join(root, ...parts);
  }
}

/** A new file in a folder of its own. */
async function opened(path: string): Promise<FileHandle> {
  return whileFoldersGo(async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(path, 'wx');
  });
}

/** Writes all of the stream to the file, on to the disk, and closes it. Resolves with the size. */
async function save(content: Readable, file: FileHandle, signal?: AbortSignal): Promise<number> {
  try {
    if (signal) addAbortSignal(signal, content);
    await writeFile(file, content);
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function moveIn(from: string, to: string, root: string): Promise<void> {
  try {
    await whileFoldersGo(async () => {
      await makeFolder(dirname(to));
      await rename(from, to);
    });
    await sync(dirname(to));
  } catch (thrown) {
    await removeEmptyUpTo(root, dirname(to));
    const taken = ['EEXIST', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY'].includes(errnoOf(thrown) ?? '');
    throw taken
      ? badKey(to.slice(root.length + 1), 'another key is its folder, or has it as its folder')
      : thrown;
  }
}

/** Tries again when somebody else removed a folder that was empty, between its making and its use. */
async function whileFoldersGo<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ENOENT' || tries >= 20) throw thrown;
    }
  }
}

/** Makes a folder, those above it included, and lets the disk know of each that is new. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let path = folder; path.length >= first.length; path = dirname(path)) await sync(dirname(path));
}

/** A rename or a new folder is on the disk only when the folder that it is in was synchronised. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeEmptyUpTo(root: string, folder: string): Promise<void> {
  for (let path = folder; path.startsWith(root + sep); path = dirname(path)) {
    if (!(await removeEmpty(path))) return;
  }
}

/** Whether the folder was empty. */
async function removeEmpty(folder: string): Promise<boolean> {
  return rmdir(folder).then(
    () => true,
    (thrown: unknown) => errnoOf(thrown) === 'ENOENT',
  );
}

async function* walk(root: string, below: string, signal?: AbortSignal): AsyncGenerator<string> {
  signal?.throwIfAborted();
  const entries = await readdir(join(root, below), { withFileTypes: true }).catch(
    (thrown: unknown): Dirent[] => {
      if (isAbsence(thrown)) return [];
      throw thrown;
    },
  );
  for (const entry of entries) {
    const key = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isFile()) yield key;
    else if (entry.isDirectory() && key !== INCOMING) yield* walk(root, key, signal);
  }
}

const isFolder = async (path: string) =>
  lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

const errnoOf = (thrown: unknown) => (thrown as NodeJS.ErrnoException | undefined)?.code;
const isAbsence = (thrown: unknown) => ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(thrown) ?? '');

const absent = (key: string) => new StorageError('NO_SUCH_FILE', `There is no file '${key}' in the storage.`);
const badKey = (key: string, why: string) =>
  new StorageError('BAD_KEY', `This storage cannot have a file '${key}': ${why}.`);
