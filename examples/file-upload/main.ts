// node --import ./test/support/typescript.mjs examples/file-upload/main.ts [SOURCE STORAGE]
//
// Uploads every file below a folder to a storage in another one. Without folders it writes three files, and uploads these.
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalFolderStorage } from '@counterstep/actions';
import { ConsoleRuntimeContext, reasonOf } from '@counterstep/steps';
import { FileUploadAction } from './file-upload.js';
import { StorageClient } from './storage-client.js';

async function written(): Promise<[source: string, storage: string]> {
  const folder = await mkdtemp(join(tmpdir(), 'file-upload-'));
  const source = join(folder, 'source');
  await mkdir(join(source, 'letters'), { recursive: true });
  await writeFile(join(source, 'readme.txt'), 'Read me.');
  await writeFile(join(source, 'letters/a.txt'), 'Dear A');
  await writeFile(join(source, 'letters/b.txt'), 'Dear B');
  return [source, join(folder, 'storage')];
}

const [, , given, folder] = process.argv;
if (given !== undefined && folder === undefined) {
  console.error('Give a source and a storage folder, or neither.');
  process.exit(2);
}
const [sourcePath, to] = given !== undefined && folder !== undefined ? [given, folder] : await written();
const client = new StorageClient(new LocalFolderStorage(to));
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('interrupted')));
try {
  const action = new FileUploadAction({ sourcePath }, new ConsoleRuntimeContext({ client }));
  console.log({ sourcePath, to, ...(await action.run({ signal: stop.signal })) });
} catch (thrown) {
  console.log({ sourcePath, to, success: false, error: reasonOf(thrown) });
  process.exitCode = 1;
}
