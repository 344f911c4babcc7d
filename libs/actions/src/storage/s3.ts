import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { Readable, Transform, pipeline } from 'node:stream';
import type { Storage, StoredFile } from '../storage.js';
import { StorageError, checkKey } from '../storage.js';

export interface S3StorageOptions {
  readonly bucket: string;
  /** Goes before every key, such as `uploads/`; default: nothing. */
  readonly prefix?: string;
  /** Handed to the vendor's client: region, endpoint, credentials. What is left out it finds as it does everywhere. */
  readonly client?: S3ClientConfig;
}

/**
 * Objects in a bucket, by the vendor's own client: install `@aws-sdk/client-s3` and `@aws-sdk/lib-storage` beside this
 * package. Files of more than 5 MB travel in parts, of which none is left when a write fails. Without an answer to its last
 * request a write rejects, though the object may then stand.
 */
export class S3Storage implements Storage {
  readonly #options: S3StorageOptions;
  #loading: Promise<Loaded> | undefined;

  /** Nothing is loaded or asked before the first use. */
  constructor(options: S3StorageOptions) {
    this.#options = options;
  }

  async write(key: string, content: Readable, signal?: AbortSignal): Promise<StoredFile> {
    try {
      const at = this.#at(key);
      const { client, uploads } = await this.#load();
      signal?.throwIfAborted();
      const counted = new Counted();
      // A failure of the source is one of the body too.
      const body = pipeline(content, counted, () => {});
      const upload = new uploads.Upload({ client, params: { ...at, Body: body }, queueSize: 1 });
      const stop = () => void upload.abort();
      signal?.addEventListener('abort', stop);
      try {
        await upload.done();
      } finally {
        signal?.removeEventListener('abort', stop);
      }
      return { key, size: counted.bytes };
    } catch (thrown) {
      signal?.throwIfAborted();
      throw thrown;
    } finally {
      content.destroy();
    }
  }

  async read(key: string, signal?: AbortSignal): Promise<Readable> {
    const at = this.#at(key);
    const { client, s3 } = await this.#load();
    try {
      const { Body } = await client.send(new s3.GetObjectCommand(at), during(signal));
      return Body instanceof Readable ? Body : Readable.from([]);
    } catch (thrown) {
      if (thrown instanceof s3.NoSuchKey) {
        throw new StorageError('NO_SUCH_FILE', `There is no file '${key}' in the storage.`, {
          cause: thrown,
        });
      }
      throw thrown;
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const at = this.#at(key);
    const { client, s3 } = await this.#load();
    await client.send(new s3.DeleteObjectCommand(at), during(signal));
  }

  async list(prefix: string, signal?: AbortSignal): Promise<string[]> {
    if (prefix.includes('/')) checkKey(prefix.slice(0, prefix.lastIndexOf('/')));
    const { bucket, prefix: own = '' } = this.#options;
    const { client, s3 } = await this.#load();
    const keys: string[] = [];
    const pages = s3.paginateListObjectsV2(
      { client },
      { Bucket: bucket, Prefix: own + prefix },
      during(signal),
    );
    for await (const { Contents = [] } of pages) {
      for (const { Key } of Contents) if (Key !== undefined) keys.push(Key.slice(own.length));
    }
    return keys.sort();
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    checkKey(key);
    const { bucket, prefix = '' } = this.#options;
    return { Bucket: bucket, Key: prefix + key };
  }

  async #load(): Promise<Loaded> {
    this.#loading ??= load(this.#options.client ?? {});
    return this.#loading;
  }
}

interface Loaded {
  readonly s3: typeof import('@aws-sdk/client-s3');
  readonly uploads: typeof import('@aws-sdk/lib-storage');
  readonly client: S3Client;
}

async function load(config: S3ClientConfig): Promise<Loaded> {
  const s3 = await peer('@aws-sdk/client-s3', () => import('@aws-sdk/client-s3'));
  const uploads = await peer('@aws-sdk/lib-storage', () => import('@aws-sdk/lib-storage'));
  return { s3, uploads, client: new s3.S3Client(config) };
}

/**
 * A package that only some users have.
 * @throws StorageError `PEER_MISSING` when this one has not.
 */
export async function peer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new StorageError('PEER_MISSING', `S3Storage needs the package ${name}: npm install ${name}`, {
      cause,
    });
  }
}

/** Passes everything on, and knows how much that was; not by the name of `size`, which the vendor would take for the whole. */
class Counted extends Transform {
  bytes = 0;
  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length;
    done(null, chunk);
  }
}

const during = (signal?: AbortSignal) => (signal ? { abortSignal: signal } : {});
