import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { storageConformance } from '@counterstep/testing';
import { LocalFolderStorage } from './local-folder.js';

let home: string;
let folder: string;
let storage: LocalFolderStorage;

const setUp = async () => {
  home = await mkdtemp(join(tmpdir(), 'counterstep-storage-'));
  folder = join(home, 'files');
  storage = new LocalFolderStorage(folder);
};
const tearDown = () => rm(home, { recursive: true, force: true });

storageConformance('a local folder', async () => {
  await setUp();
  return {
    storage,
    close: async () => {
      // Whatever a test did, files that are not whole are gone.
      expect(await readdir(folder)).not.toContain('.incoming');
      await tearDown();
    },
  };
});

describe('a local folder', () => {
  beforeEach(setUp);
  afterEach(tearDown);
  const write = async (key: string, content = key) => storage.write(key, Readable.from([content]));
  const refused = { code: 'BAD_KEY', retryable: false };

  test('has each file at the path that is its key, and no folder without a file', async () => {
    await write('a/b/c');
    await write('a/d');
    expect(await readdir(folder, { recursive: true })).toEqual(
      expect.arrayContaining(['a', 'a/b', 'a/b/c', 'a/d']),
    );
    await storage.delete('a/b/c');
    expect(await readdir(join(folder, 'a'))).toEqual(['d']);
    await storage.delete('a/d');
    expect(await readdir(home, { recursive: true })).toEqual(['files']);
  });

  test('shows no file before it is whole', async () => {
    const content = new PassThrough();
    const writing = storage.write('big', content);
    content.write('the first half');
    const incoming = join(folder, '.incoming');
    while ((await readdir(incoming).catch(() => [])).length === 0);
    expect(await storage.list('')).toEqual([]);
    await expect(storage.read('big')).rejects.toMatchObject({ code: 'NO_SUCH_FILE' });
    for (const key of ['.incoming', '.incoming/x']) {
      await expect(write(key)).rejects.toMatchObject(refused);
      await expect(storage.read(key)).rejects.toMatchObject(refused);
      await expect(storage.delete(key)).rejects.toMatchObject(refused);
    }
    content.end(', and the second');
    await writing;
    expect(await text(await storage.read('big'))).toBe('the first half, and the second');
    expect(await readdir(folder)).toEqual(['big']);
  });

  test('does not follow a symbolic link out of it', async () => {
    const outside = join(home, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await mkdir(folder);
    await symlink(outside, join(folder, 'link'));
    await symlink(join(outside, 'secret'), join(folder, 'file'));
    await expect(write('link/new')).rejects.toMatchObject(refused);
    await expect(write('link/deep/new')).rejects.toMatchObject(refused);
    await expect(storage.read('link/secret')).rejects.toMatchObject(refused);
    await expect(storage.delete('link/secret')).rejects.toMatchObject(refused);
    await expect(storage.list('link/')).rejects.toMatchObject(refused);
    await expect(storage.read('file')).rejects.toMatchObject({ code: 'NO_SUCH_FILE' });
    expect(await storage.list('')).toEqual([]);
    await write('file', 'mine');
    expect(await readdir(outside)).toEqual(['secret']);
    expect(await text(await storage.read('file'))).toBe('mine');
    expect(await text(await new LocalFolderStorage(outside).read('secret'))).toBe('secret');
  });

  test('may be a symbolic link itself', async () => {
    await mkdir(join(home, 'real'));
    await symlink(join(home, 'real'), join(home, 'alias'));
    storage = new LocalFolderStorage(join(home, 'alias'));
    await write('a/b');
    expect(await storage.list('')).toEqual(['a/b']);
    expect(await readdir(join(home, 'real', 'a'))).toEqual(['b']);
  });

  test('refuses a key that is the folder of another, or below a file, and keeps both as they were', async () => {
    await write('a/b');
    await expect(write('a')).rejects.toMatchObject(refused);
    await expect(write('a/b/c/d')).rejects.toMatchObject(refused);
    expect(await storage.list('')).toEqual(['a/b']);
    expect(await readdir(folder)).toEqual(['a']);
  });
});
