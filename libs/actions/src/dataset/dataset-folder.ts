import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { FileError, fileErrorOf, readJson, readText, staysInside } from '../files.js';

/** The local folder of a dataset. Names in it are paths with `/`, which must not leave it. Files are never written over. */
export class DatasetFolder {
  constructor(readonly path: string) {}

  /** @throws FileError `FILE_INVALID` when the name would leave the folder. */
  pathOf(name: string): string {
    if (!staysInside(name)) throw new FileError('FILE_INVALID', name, `the name leaves ${this.path}`);
    return join(this.path, ...name.split('/'));
  }

  /** @throws FileError. */
  async readText(name: string, signal?: AbortSignal): Promise<string> {
    return readText(this.pathOf(name), signal);
  }

  /** @throws FileError. */
  async readJson<T>(name: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    return readJson(this.pathOf(name), schema, signal);
  }

  async has(name: string): Promise<boolean> {
    return stat(this.pathOf(name)).then(
      (facts) => facts.isFile(),
      () => false,
    );
  }

  /** The files below a folder in it, named from that folder, sorted; none when there is no such folder. */
  async list(folder: string): Promise<string[]> {
    try {
      const entries = await readdir(this.pathOf(folder), { recursive: true, withFileTypes: true });
      const names = entries
        .filter((entry) => !entry.isDirectory())
        .map(({ parentPath, name }) => join(parentPath, name).slice(this.pathOf(folder).length + 1));
      return names.map((name) => name.replaceAll('\\', '/')).sort();
    } catch (thrown) {
      const error = fileErrorOf(thrown, this.pathOf(folder));
      if (error instanceof FileError && error.code === 'FILE_NOT_FOUND') return [];
      throw error;
    }
  }

  /** @throws FileError `FILE_EXISTS`. */
  async writeText(name: string, text: string, signal?: AbortSignal): Promise<void> {
    const path = await this.placeFor(name);
    await writeFile(path, text, { flag: 'wx', ...(signal ? { signal } : {}) }).catch((thrown: unknown) => {
      throw fileErrorOf(thrown, path);
    });
  }

  /** The path of a file to be, in a folder that exists. */
  async placeFor(name: string): Promise<string> {
    const path = this.pathOf(name);
    await mkdir(dirname(path), { recursive: true });
    return path;
  }
}
