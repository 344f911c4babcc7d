import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LocalFolderStorage } from '@counterstep/actions';
import type { StepRegistry } from '@counterstep/steps';
import { BaseStep, ConsoleRuntimeContext, LoggingStep, StepResult } from '@counterstep/steps';
import { FileUploadAction, FileUploadContext } from './file-upload.js';
import { StorageClient } from './storage-client.js';

let home = '';
let sourcePath = '';
let storage: LocalFolderStorage;
let client: StorageClient;
let lines: string[] = [];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'file-upload-'));
  sourcePath = join(home, 'source');
  storage = new LocalFolderStorage(join(home, 'storage'));
  client = new StorageClient(storage);
  lines = [];
  await mkdir(join(sourcePath, 'deep/er'), { recursive: true });
  for (const name of ['a.txt', 'deep/b.txt', 'deep/er/c.txt'])
    await writeFile(join(sourcePath, name), `I am ${name}`);
});
afterEach(() => rm(home, { recursive: true }));

const runtime = () => new ConsoleRuntimeContext({ client, output: { write: (line) => lines.push(line) } });
const told = (type: string) =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['type'] === type);

class StuckFinalize extends BaseStep<FileUploadContext> {
  readonly name = 'finalize';
  readonly progressWeight = 0.1;
  execute(): StepResult {
    return new StepResult({ success: false, error: 'nobody answers' });
  }
}

class StuckUpload extends FileUploadAction {
  readonly context = new FileUploadContext(this.ctx, sourcePath);
  override setupSteps(registry: StepRegistry<FileUploadContext>): void {
    super.setupSteps(registry);
    registry.unregister('logged_finalize').register(new LoggingStep(new StuckFinalize()));
  }
  override createContext(): FileUploadContext {
    return this.context;
  }
}

describe('the example that uploads files', () => {
  test('brings every file below the folder to the storage', async () => {
    const result = await new FileUploadAction({ sourcePath }, runtime()).run();
    expect(result).toEqual({ success: true, stepsExecuted: 3, stepsTotal: 3 });
    const keys = await storage.list('');
    const contents = await Promise.all(keys.map((key) => readFile(join(home, 'storage', key), 'utf8')));
    expect(contents.sort()).toEqual(['I am a.txt', 'I am deep/b.txt', 'I am deep/er/c.txt']);
  });

  test('logs its steps, and tells its progress', async () => {
    await new FileUploadAction({ sourcePath }, runtime()).run();
    expect(told('log').map(({ event, data }) => [event, (data as { step?: string }).step])).toEqual([
      ['step_start', 'discover_files'],
      ['step_end', 'discover_files'],
      ['step_start', 'upload_files'],
      ['step_end', 'upload_files'],
      ['step_start', 'finalize'],
      ['upload_complete', undefined],
      ['step_end', 'finalize'],
    ]);
    const percents = (category: string) =>
      told('progress').flatMap((line) => (line['category'] === category ? [line['percent']] : []));
    expect(percents('upload')).toEqual([33, 66, 100]);
    expect(percents('overall')).toEqual([10, 90, 100]);
  });

  test('leaves nothing when the last step fails', async () => {
    const action = new StuckUpload({ sourcePath }, runtime());
    await expect(action.run()).rejects.toMatchObject({
      message: "Step 'logged_finalize' failed: nobody answers",
      rollbackFailures: [],
    });
    expect(action.context.errors).toEqual([]);
    expect(await readdir(join(home, 'storage'))).toEqual([]);
    expect((await readdir(sourcePath)).sort()).toEqual(['a.txt', 'deep']);
  });

  test('leaves nothing when a file cannot be uploaded', async () => {
    const upload = client.uploadFile.bind(client);
    client.uploadFile = async (path) => {
      if (path.endsWith('c.txt')) throw new Error('the disk is full');
      return upload(path);
    };
    await expect(new FileUploadAction({ sourcePath }, runtime()).run()).rejects.toThrow(
      "Step 'logged_upload_files' failed: the disk is full",
    );
    expect(await readdir(join(home, 'storage'))).toEqual([]);
  });

  test('names what it could not delete', async () => {
    client.deleteFile = async () => {
      throw new Error('permission denied');
    };
    const action = new StuckUpload({ sourcePath }, runtime());
    await expect(action.run()).rejects.toThrow('nobody answers');
    const deletion = expect.stringMatching(/^Failed to delete file .*\.txt: permission denied$/);
    expect(action.context.errors).toEqual([deletion, deletion, deletion]);
  });

  test('refuses a path that is not there, and a folder without files', async () => {
    const nowhere = new FileUploadAction({ sourcePath: join(home, 'nowhere') }, runtime());
    await expect(nowhere.run()).rejects.toThrow('Source path not found');
    await mkdir(join(home, 'empty'));
    const empty = new FileUploadAction({ sourcePath: join(home, 'empty') }, runtime());
    await expect(empty.run()).rejects.toThrow('No files found');
    await expect(new FileUploadAction({ sourcePath: '' }, runtime()).run()).rejects.toMatchObject({
      code: 'PARAMS_INVALID',
    });
  });

  test('runs by the command that its file names', async () => {
    const [first = ''] = (await readFile(join(import.meta.dirname, 'main.ts'), 'utf8')).split('\n');
    const [, ...args] = first.replace('// ', '').replace(/ \[.*/, '').split(' ');
    const cwd = join(import.meta.dirname, '../..');
    const run = (...more: string[]) =>
      spawnSync(process.execPath, [...args, ...more], { cwd, encoding: 'utf8' });
    const { status, stdout } = run(sourcePath, join(home, 'by-command'));
    expect(stdout).toContain('stepsExecuted: 3');
    expect(status).toBe(0);
    expect(await new LocalFolderStorage(join(home, 'by-command')).list('')).toHaveLength(3);
    const failed = run(join(home, 'nowhere'), join(home, 'by-command'));
    expect(failed.stdout).toContain('Source path not found');
    expect(failed.status).toBe(1);
    const half = run(sourcePath);
    expect([half.status, half.stderr]).toEqual([2, expect.stringContaining('Give a source and a storage')]);
  }, 60_000);

  test('ends well when nobody reads what it prints', async () => {
    const to = join(home, 'unread');
    const main = join(import.meta.dirname, 'main.ts');
    const args = ['--import', './test/support/typescript.mjs', main, sourcePath, to];
    const child = spawn(process.execPath, args, {
      cwd: join(import.meta.dirname, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await new LocalFolderStorage(to).list('')).toHaveLength(3);
  }, 60_000);
});
