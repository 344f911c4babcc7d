import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Storage } from '@counterstep/actions';
import type { FileClient } from '@counterstep/steps';

/** Keeps the files of a run in a storage. An id is the key there. */
export class StorageClient implements FileClient {
  constructor(private readonly storage: Storage) {}

  async uploadFile(path: string): Promise<string> {
    const { key } = await this.storage.write(`${randomUUID()}/${basename(path)}`, createReadStream(path));
    return key;
  }

  async deleteFile(id: number | string): Promise<void> {
    await this.storage.delete(String(id));
  }
}
