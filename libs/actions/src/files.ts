import { mkdir, open, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StepsError, reasonOf } from '@counterstep/steps';
import { z } from 'zod';

/**
 * `FILE_NOT_FOUND`; `FILE_UNREADABLE`: no permission, a folder, an error of the disk; `FILE_INVALID`: its content is not what
 * it should be; `FILE_TOO_LARGE`; `FILE_EXISTS`: something is there already, and is not written over.
 */
export type FileErrorCode =
  'FILE_EXISTS' | 'FILE_INVALID' | 'FILE_NOT_FOUND' | 'FILE_TOO_LARGE' | 'FILE_UNREADABLE';

/** A file or folder that an action was given cannot be used. The message names it and says why. */
export class FileError extends StepsError<FileErrorCode> {
  readonly retryable = false;
  constructor(
    code: FileErrorCode,
    readonly file: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(code, `${file}: ${reason}`, options);
  }
}

/** What the system says, as a FileError that names the file. Other errors come back as they are. */
export function fileErrorOf(thrown: unknown, file: string): unknown {
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  if (thrown instanceof FileError || typeof code !== 'string' || code === 'ABORT_ERR') return thrown;
  const options = { cause: thrown };
  if (code === 'ENOENT') return new FileError('FILE_NOT_FOUND', file, 'there is no such file', options);
  if (code === 'EEXIST') return new FileError('FILE_EXISTS', file, 'it exists already', options);
  const reason = (thrown as Error).message;
  return new FileError('FILE_UNREADABLE', file, `it cannot be used: ${reason}`, options);
}

/**
 * The size of a file in bytes, when it is one that can be read.
 * @throws FileError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TOO_LARGE` above `maxBytes`.
 */
export async function checkReadable(file: string, maxBytes = Infinity): Promise<number> {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) throw new FileError('FILE_UNREADABLE', file, 'it is not a file');
    // Opened, and not asked for: `access` asks for another user when the process has changed its own.
    await (await open(file, 'r')).close();
    if (facts.size > maxBytes) {
      const reason = `it has ${facts.size} bytes, and at most ${maxBytes} are allowed`;
      throw new FileError('FILE_TOO_LARGE', file, reason);
    }
    return facts.size;
  } catch (thrown) {
    throw fileErrorOf(thrown, file);
  }
}

/** @throws FileError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `FILE_INVALID` when it is not UTF-8. */
export async function readText(file: string, signal?: AbortSignal): Promise<string> {
  const bytes = await readFile(file, signal ? { signal } : {}).catch((thrown: unknown) => {
    throw fileErrorOf(thrown, file);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (thrown) {
    throw new FileError('FILE_INVALID', file, 'it is not text in UTF-8', { cause: thrown });
  }
}

/**
 * The content of a JSON file, checked.
 * @throws FileError as `readText`; `FILE_INVALID` when it is no JSON, or not what the schema wants.
 */
export async function readJson<T>(file: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
  return parseJson(await readText(file, signal), schema, file);
}

/** As `readJson`, for a text that stands at `where`: a file, or a line of it. */
export function parseJson<T>(text: string, schema: z.ZodType<T>, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new FileError('FILE_INVALID', where, `it is no JSON: ${(thrown as Error).message}`, {
      cause: thrown,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FileError('FILE_INVALID', where, z.prettifyError(parsed.error), { cause: parsed.error });
}

/** A folder that was made. */
export interface MadeFolder {
  readonly own: string;
  /** Those above it that were missing and made too, the topmost first. */
  readonly above: readonly string[];
}

/**
 * Makes a folder that did not exist, and those above it that are missing.
 * @throws FileError `FILE_EXISTS` when it exists; then nothing was made.
 */
export async function makeFolder(folder: string): Promise<MadeFolder> {
  const parent = dirname(folder);
  const topmost = await mkdir(parent, { recursive: true }).catch((thrown: unknown) => {
    const reason = `it cannot be made a folder: ${reasonOf(thrown)}`;
    throw new FileError('FILE_UNREADABLE', parent, reason, { cause: thrown });
  });
  await mkdir(folder).catch((thrown: unknown) => {
    throw fileErrorOf(thrown, folder);
  });
  const above: string[] = [];
  if (topmost === undefined) return { own: folder, above };
  for (let at = parent; at.length >= topmost.length; at = dirname(at)) above.unshift(at);
  return { own: folder, above };
}

/** Removes a folder with all that is in it, and those made above it, unless somebody else has put something there. */
export async function removeFolder({ own, above }: MadeFolder): Promise<void> {
  await rm(own, { recursive: true, force: true });
  for (const folder of above.toReversed()) {
    try {
      await rmdir(folder);
    } catch (thrown) {
      if (['ENOTEMPTY', 'ENOENT'].includes((thrown as NodeJS.ErrnoException).code ?? '')) return;
      throw thrown;
    }
  }
}

/** Whether a path with `/` between its parts stays below the folder in which it is used, on every system. */
export function staysInside(path: string): boolean {
  if (/[\\\p{Cc}]|^[A-Za-z]:/u.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** A path from outside: relative, with `/` between its parts, without `.` and `..`. */
export const relativePathSchema = z
  .string()
  .max(1_000)
  .refine(staysInside, 'must be a relative path with / between its parts, without . and ..');

/** A name from outside for one file or folder. */
export const fileNameSchema = z
  .string()
  .max(200)
  .refine((name) => staysInside(name) && !name.includes('/'), 'must be a plain file name, without a path');
