import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fileNameSchema, makeFolder, relativePathSchema, removeFolder, staysInside } from './files.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a name from outside', () => {
  test.each(['../a', 'a/../b', '/a', 'a//b', './a', 'a/', '', '.', '..', 'a\\b', 'c:a', 'a\u0000', 'a\nb'])(
    '%j is refused',
    (name) => {
      expect(relativePathSchema.safeParse(name).success).toBe(false);
      expect(fileNameSchema.safeParse(name).success).toBe(false);
    },
  );

  test('may have folders as a path, and not as a file name', () => {
    expect(relativePathSchema.parse('a/b c/ä.jpg')).toBe('a/b c/ä.jpg');
    expect(fileNameSchema.safeParse('a/b.jpg').success).toBe(false);
    expect(fileNameSchema.parse('..b.jpg')).toBe('..b.jpg');
  });

  test('that is let through never leaves the folder', () => {
    const part = fc.oneof(fc.constantFrom('.', '..', '', 'a', '~', 'c:', '\\', 'b.txt'), fc.string());
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const name = parts.join('/');
        fc.pre(staysInside(name));
        expect(resolve(folder, name).startsWith(folder + sep)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a folder that is made', () => {
  test('tells the folders above it that were made, and they are removed with it', async () => {
    const made = await makeFolder(join(folder, 'a/b/c'));
    expect(made).toEqual({ own: join(folder, 'a/b/c'), above: [join(folder, 'a'), join(folder, 'a/b')] });
    await writeFile(join(folder, 'a/b/c/file'), '');
    await removeFolder(made);
    await removeFolder(made);
    expect(await readdir(folder)).toEqual([]);
  });

  test('leaves the folders where somebody else has put something', async () => {
    const made = await makeFolder(join(folder, 'a/b/c'));
    await mkdir(join(folder, 'a/theirs'));
    await removeFolder(made);
    expect(await readdir(join(folder, 'a'))).toEqual(['theirs']);
  });

  test('is refused when it exists, or when there is a file in its way', async () => {
    await expect(makeFolder(folder)).rejects.toMatchObject({ code: 'FILE_EXISTS', file: folder });
    await writeFile(join(folder, 'file'), '');
    await expect(makeFolder(join(folder, 'file/a/b'))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('cannot be made a folder'),
    });
  });
});
