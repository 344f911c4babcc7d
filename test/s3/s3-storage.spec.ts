import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  ListMultipartUploadsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { MemoryBackend, S3Storage, UploadAction } from '@counterstep/actions';
import { BaseStep, ConsoleRuntimeContext, StepResult } from '@counterstep/steps';
import { storageConformance } from '@counterstep/testing';

// An S3 server that may be written to, with its credentials: http://id:secret@127.0.0.1:9090
const url = new URL(process.env['COUNTERSTEP_S3_URL'] ?? 'http://missing');
const config = {
  endpoint: url.origin,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: url.username, secretAccessKey: url.password },
};
const bucket = `counterstep-${randomUUID()}`;
const client = new S3Client(config);

beforeAll(async () => client.send(new CreateBucketCommand({ Bucket: bucket })));
afterAll(async () => {
  await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  client.destroy();
});

const storageIn = (prefix: string) => new S3Storage({ bucket, prefix, client: config });
async function empty(storage: S3Storage): Promise<void> {
  const keys = await storage.list('');
  for (let from = 0; from < keys.length; from += 50) {
    await Promise.all(keys.slice(from, from + 50).map(async (key) => storage.delete(key)));
  }
}

storageConformance('a bucket', async () => {
  const storage = storageIn(`${randomUUID()}/`);
  return {
    storage,
    close: async () => {
      await empty(storage);
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      expect(Uploads).toEqual([]);
    },
  };
});

test('a list goes on after the first page of a thousand keys', async () => {
  const storage = storageIn('pages/');
  const keys = Array.from({ length: 1_001 }, (_, index) => `key-${String(index).padStart(4, '0')}`);
  for (let from = 0; from < keys.length; from += 50) {
    await Promise.all(
      keys.slice(from, from + 50).map(async (key) => storage.write(key, Readable.from([key]))),
    );
  }
  expect(await storage.list('')).toEqual(keys);
  await empty(storage);
});

test('two prefixes of one bucket do not see each other', async () => {
  const a = storageIn('a/');
  const b = storageIn('b/');
  await a.write('file', Readable.from([randomBytes(10)]));
  expect(await b.list('')).toEqual([]);
  await b.delete('file');
  expect(await a.list('')).toEqual(['file']);
  await empty(a);
});

test('an upload brings files to the bucket, and takes them back when a later step fails', async () => {
  const path = await mkdtemp(join(tmpdir(), 'counterstep-s3-'));
  const storage = storageIn('upload/');
  const backend = new MemoryBackend({
    projects: [{ id: 1, name: 'Streets', configuration: {} }],
    collections: [
      {
        id: 7,
        name: 'Photos',
        projectId: 1,
        metadata: {},
        fileSpecifications: [{ name: 'image', required: true, extensions: [] }],
      },
    ],
  });
  const quiet = new ConsoleRuntimeContext({ output: { write: () => true } });
  const runtime = Object.assign(quiet, { storage, backend });
  const params = { project: 1, dataCollection: 7, path };
  const big = randomBytes(7 * 1024 ** 2);
  await writeFile(join(path, 'big.bin'), big);
  await writeFile(join(path, 'empty.bin'), '');

  class Stuck extends BaseStep {
    readonly name = 'stuck';
    readonly progressWeight = 0;
    execute(): StepResult {
      return new StepResult({ success: false, error: 'on purpose' });
    }
  }
  class StuckUpload extends UploadAction {
    override setupSteps(...[registry]: Parameters<UploadAction['setupSteps']>): void {
      super.setupSteps(registry);
      registry.register(new Stuck());
    }
  }
  try {
    const { dataUnits } = await new UploadAction(params, runtime).run();
    const [first, second] = dataUnits.map(({ files }) => files['image']?.key ?? '');
    expect((await buffer(await storage.read(first ?? ''))).equals(big)).toBe(true);
    expect(await storage.list('')).toEqual([first, second]);
    await expect(new StuckUpload(params, runtime).run()).rejects.toMatchObject({ rollbackFailures: [] });
    expect(await storage.list('')).toEqual([first, second]);
  } finally {
    await rm(path, { recursive: true });
    await empty(storage);
  }
});
