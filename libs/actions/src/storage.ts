import type { Readable } from 'node:stream';
import { StepsError } from '@counterstep/steps';

/** What is known of a file that was stored. */
export interface StoredFile {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Where an action keeps files. A key is a relative path with `/` between its parts; `checkKey` says which there are, and every
 * method refuses the others. A storage in a file system also refuses a key that is the folder of another one.
 */
export interface Storage {
  /**
   * Stores what the stream gives, in place of what the key had. Resolves when it is stored for good. When it rejects, also
   * because the signal was aborted, the key has what it had before or, where only the last answer of a disk or a service was
   * lost, all of the new file; never a part of it.
   */
  write(key: string, content: Readable, signal?: AbortSignal): Promise<StoredFile>;
  /** Rejects with `NO_SUCH_FILE` when there is no such file. */
  read(key: string, signal?: AbortSignal): Promise<Readable>;
  /** A file that is not there is fine. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
  /** The keys that begin with `prefix`, sorted; all of them when it is empty. */
  list(prefix: string, signal?: AbortSignal): Promise<string[]>;
}

/**
 * `BAD_KEY`: see `checkKey`; or the storage cannot have this key beside those that it has. `NO_SUCH_FILE`: nothing is stored
 * there. `PEER_MISSING`: a package has to be installed beside this one.
 */
export type StorageErrorCode = 'BAD_KEY' | 'NO_SUCH_FILE' | 'PEER_MISSING';

/** The same call would fail again. What else goes wrong is thrown as the file system or the service says it. */
export class StorageError extends StepsError<StorageErrorCode> {
  readonly retryable = false;
}

const MAX_KEY_BYTES = 1_024;
const MAX_PART_BYTES = 255;

/**
 * Refuses what some storage could not keep, or would keep elsewhere: a key has at most 1,024 bytes, and its parts 1 to 255
 * bytes each, none of them `.` or `..`, with no backslash, control character or lone surrogate.
 * @throws StorageError `BAD_KEY`.
 */
export function checkKey(key: string): void {
  const why = problemOf(key);
  if (why) throw new StorageError('BAD_KEY', `No file can have the key ${JSON.stringify(key)}: ${why}.`);
}

function problemOf(key: unknown): string | undefined {
  if (typeof key !== 'string' || key === '') return 'it must be a text that is not empty';
  if (/[\\\p{Cc}\p{Cs}]/u.test(key)) return 'it has a backslash, a control character or half a character';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `it is longer than ${MAX_KEY_BYTES} bytes`;
  const parts = key.split('/');
  if (parts.some((part) => part === '')) return 'a part of it is empty';
  if (parts.some((part) => part === '.' || part === '..')) return 'a part of it is . or ..';
  if (parts.some((part) => Buffer.byteLength(part) > MAX_PART_BYTES)) {
    return `a part of it is longer than ${MAX_PART_BYTES} bytes`;
  }
  return undefined;
}
