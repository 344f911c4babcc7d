import type { Readable } from 'node:stream';

/** What is known of a file that was stored. */
export interface StoredFile {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Where an action keeps files. A key is a path with `/` between its parts, relative and without `.` and `..`; an
 * implementation refuses every other one.
 */
export interface Storage {
  /**
   * Stores what the stream gives, in place of what the key had. Resolves when it is stored for good. When it rejects, also
   * because the signal was aborted, what the key had before is still there, and nothing of the new file is.
   */
  write(key: string, content: Readable, signal?: AbortSignal): Promise<StoredFile>;
  /** Rejects when there is no such file. */
  read(key: string, signal?: AbortSignal): Promise<Readable>;
  /** A file that is not there is fine. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
  /** The keys that begin with `prefix`, sorted. */
  list(prefix: string, signal?: AbortSignal): Promise<string[]>;
}
