import { once } from 'node:events';
import type { WriteStream } from 'node:fs';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { fileErrorOf } from '../files.js';

/** A list of JSON values in a file of its own, so that it need not fit into memory. First filled, then read as often as one likes. */
export class Spool<T> implements AsyncIterable<T> {
  readonly #stream: WriteStream;
  #length = 0;
  #failure: unknown;

  /** @param path A file that does not exist. */
  constructor(private readonly path: string) {
    this.#stream = createWriteStream(path, { flags: 'wx' });
    this.#stream.on('error', (error) => (this.#failure = error));
  }

  get length(): number {
    return this.#length;
  }

  /** Whether the file cannot be written any more. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws TypeError when the value is not JSON. */
  async add(value: T): Promise<void> {
    const line = JSON.stringify(value);
    if (this.failed) throw fileErrorOf(this.#failure, this.path);
    this.#length += 1;
    if (this.#stream.write(`${line}\n`)) return;
    await once(this.#stream, 'drain').catch((thrown: unknown) => {
      throw fileErrorOf(thrown, this.path);
    });
  }

  /** Nothing is added any more. Resolves when all can be read. */
  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream).catch((thrown: unknown) => {
      throw fileErrorOf(thrown, this.path);
    });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    let begun = '';
    for await (const chunk of createReadStream(this.path, 'utf8')) {
      const lines = (begun + (chunk as string)).split('\n');
      begun = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as T;
    }
  }

  /** Deletes the file. May be called twice. */
  async remove(): Promise<void> {
    this.#stream.destroy();
    if (!this.#stream.closed) await finished(this.#stream).catch(() => {});
    await rm(this.path, { force: true });
  }
}
