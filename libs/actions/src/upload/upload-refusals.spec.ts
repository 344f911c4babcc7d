import { describe, expect, test } from '@jest/globals';
import { chmod, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { UploadWorld } from '../../test-support/upload-runs.js';
import { IMAGE, LABEL, UploadWorld as World, inWorld } from '../../test-support/upload-runs.js';
import { recording } from '../../test-support/runtime.js';
import { UploadAction } from './upload-action.js';

type Case = (world: UploadWorld) => Promise<object | undefined>;
const sheetOf =
  (...rows: (string | null)[][]): Case =>
  async (world) => ({ metadataPath: await world.sheet(rows) });
const broken =
  (content: string): Case =>
  async (world) => {
    const metadataPath = join(world.home, 'broken.xlsx');
    await writeFile(metadataPath, content);
    return { metadataPath };
  };
const also =
  (...paths: string[]): Case =>
  (world) =>
    world.given(Object.fromEntries(paths.map((path) => [path, 'x']))).then(() => undefined);

const REFUSED: [what: string, arrange: Case, step: string, ...reasons: RegExp[]][] = [
  ['a project that is not there', async () => ({ project: 9 }), 'initialize', /no project 9/],
  [
    'a data collection that is not there',
    async () => ({ dataCollection: 8 }),
    'initialize',
    /no data collection 8/,
  ],
  [
    'a data collection of another project',
    async () => ({ project: 2 }),
    'initialize',
    /data collection 7 is of project 1, not of 2/,
  ],
  [
    'a path that is not there',
    async ({ home }) => ({ path: join(home, 'nowhere') }),
    'validate_files',
    /nowhere: there is no such file/,
  ],
  [
    'a folder without files',
    async ({ home }) => {
      await mkdir(join(home, 'empty'));
      return { path: join(home, 'empty') };
    },
    'validate_files',
    /empty: there are no files in it/,
  ],
  [
    'files that are missing, each named',
    async ({ source }) => {
      await symlink('/nowhere', join(source, 'image/b.jpg'));
      await symlink('/nowhere', join(source, 'image/c.jpg'));
    },
    'validate_files',
    /image\/b\.jpg: there is no such file; .*image\/c\.jpg: there is no such file$/,
  ],
  [
    'a file that is too large',
    async (world) => {
      await world.given({ 'image/b.jpg': '12345678' });
      return { maxFileBytes: 7 };
    },
    'validate_files',
    /image\/b\.jpg: it has 8 bytes, and at most 7 are allowed$/,
  ],
  [
    'a great many files that are too large, of which ten are named',
    async (world) => {
      await world.given(
        Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`image/${index}.jpg`, 'large'])),
      );
      return { maxFileBytes: 4 };
    },
    'validate_files',
    /^(.*image\/\d+\.jpg: it has 5 bytes[^;]*; ){10}and 4 more$/,
  ],
  [
    'an .xlsx file that is not there',
    async () => ({ metadataPath: '/no.xlsx' }),
    'validate_files',
    /no\.xlsx: there is no/,
  ],
  [
    'an .xlsx file that is too large',
    async (world) => ({ ...(await sheetOf(['file'])(world)), maxMetadataBytes: 10 }),
    'validate_files',
    /metadata\.xlsx: it has \d+ bytes, and at most 10 are allowed/,
  ],
  [
    'an .xlsx file that is none',
    broken('file,place\na,Bern\n'),
    'validate_files',
    /broken\.xlsx: it cannot be read as \.xlsx: \S+/,
  ],
  [
    'an .xlsx file that is empty',
    broken(''),
    'validate_files',
    /broken\.xlsx: it cannot be read as \.xlsx: \S+/,
  ],
  [
    'an .xlsx file that is cut short',
    async (world) => {
      const metadataPath = await world.sheet([['file'], ['a']]);
      await truncate(metadataPath, 700);
      return { metadataPath };
    },
    'validate_files',
    /metadata\.xlsx: it cannot be read as \.xlsx: \S+/,
  ],
  [
    'metadata with two columns of one title',
    sheetOf(['file', 'place', 'place'], ['a', 'x', 'y']),
    'validate_files',
    /metadata\.xlsx: two columns have the title 'place'/,
  ],
  [
    'metadata without the column that names the files',
    async (world) => ({ ...(await sheetOf(['file', 'place'], ['a', 'x'])(world)), metadataColumn: 'name' }),
    'validate_files',
    /no column has the title 'name'; there are: file, place/,
  ],
  [
    'metadata with a row that names no file',
    sheetOf(['file', 'place'], ['a', 'x'], [null, 'y']),
    'validate_files',
    /metadata\.xlsx: row 3 names no file/,
  ],
  [
    'a file specification that the collection does not have',
    async ({ source }) => ({ assets: { image: { path: source }, sound: { path: source } } }),
    'analyze_collection',
    /no file specification sound; it has: image, label/,
  ],
  [
    'paths of which one is missing',
    async ({ source }) => ({ assets: { label: { path: source } } }),
    'analyze_collection',
    /assets must have a path for: image/,
  ],
  [
    'a file in no folder of the collection',
    also('other/b.jpg', 'c.jpg'),
    'organize_files',
    /c\.jpg: it is in the folder of no file specification \(image, label\); .*other\/b\.jpg: it is/,
  ],
  [
    'a file of another kind',
    also('image/b.txt'),
    'organize_files',
    /image\/b\.txt: image must be one of \.jpg, \.png/,
  ],
  [
    'two files in one place',
    also('image/a.png'),
    'organize_files',
    /a\.png: 'a' has another image, .*image\/a\.jpg/,
  ],
  [
    'a data unit that lacks a file',
    also('label/b.json'),
    'organize_files',
    /label\/b\.json: 'b' has no image/,
  ],
  [
    'two rows of one data unit',
    sheetOf(['file'], ['a'], ['image/a.jpg']),
    'process_metadata',
    /metadata\.xlsx: rows 2 and 3 are both of a/,
  ],
  [
    'a row that may mean two data units',
    async (world) => {
      await world.given({ 'image/x/b.jpg': 'x', 'image/y/b.jpg': 'y' });
      return sheetOf(['file'], ['b.jpg'])(world);
    },
    'process_metadata',
    /metadata\.xlsx: row 2: 'b\.jpg' may be x\/b or y\/b/,
  ],
];

describe('an upload refuses, and leaves nothing of,', () => {
  test.each(REFUSED)('%s', async (_what, arrange, step, reason) => {
    await inWorld(async (world) => {
      await world.given({ 'image/a.jpg': 'a' });
      const params = world.params((await arrange(world)) ?? {});
      const error = (await new UploadAction(params, world.runtime)
        .run()
        .catch((thrown: unknown) => thrown)) as Error;
      expect(error).toMatchObject({ name: 'StepExecutionError', step });
      expect(error.message.replace(`Step '${step}' failed: `, '')).toMatch(reason);
      expect(await world.leftBehind()).toEqual([]);
    });
  });

  test('a file that may not be read', async () => {
    await inWorld(async (world) => {
      await world.given({ 'image/a.jpg': 'a', 'image/b.jpg': 'b' });
      const secret = join(world.source, 'image/b.jpg');
      await chmod(secret, 0o000);
      for (let folder = dirname(secret); folder.length >= world.home.length; folder = dirname(folder)) {
        await chmod(folder, 0o777);
      }
      // The superuser reads everything.
      const own = process.getuid?.();
      if (own === 0) process.seteuid?.(65_534);
      try {
        await expect(new UploadAction(world.params(), world.runtime).run()).rejects.toMatchObject({
          step: 'validate_files',
          message: expect.stringMatching(/b\.jpg: it cannot be used: EACCES/),
        });
      } finally {
        if (own === 0) process.seteuid?.(0);
      }
      expect(await world.leftBehind()).toEqual([]);
    });
  });

  test('a collection without file specifications', async () => {
    await inWorld(async ({ home }) => {
      const world = new World(home, []);
      await world.given({ 'image/a.jpg': 'a' });
      await expect(new UploadAction(world.params(), world.runtime).run()).rejects.toThrow(
        'has no file specifications',
      );
    });
  });
});

test('links are followed to files, not to folders', async () => {
  await inWorld(
    async (world) => {
      await world.given({ 'image/a.jpg': 'a' });
      await writeFile(join(world.home, 'far.jpg'), 'far away');
      await symlink(join(world.home, 'far.jpg'), join(world.source, 'image/b.jpg'));
      await symlink(world.source, join(world.source, 'image/round'));
      await new UploadAction(world.params(), world.runtime).run();
      expect(await world.stored()).toEqual({ 'image/a.jpg': 'a', 'image/b.jpg': 'far away' });
    },
    IMAGE,
    LABEL,
  );
});

test('a file is streamed: what is in memory does not grow with it', async () => {
  await inWorld(async (world) => {
    const size = 512 * 1024 ** 2;
    await world.given({ 'image/a.jpg': '' });
    await truncate(join(world.source, 'image/a.jpg'), size);
    let most = 0;
    const storage = Object.assign(Object.create(world.storage) as typeof world.storage, {
      write: async (key: string, content: Readable) => {
        let bytes = 0;
        for await (const chunk of content) {
          bytes += (chunk as Buffer).length;
          const { arrayBuffers, heapUsed } = process.memoryUsage();
          most = Math.max(most, arrayBuffers + heapUsed);
        }
        return { key, size: bytes };
      },
    });
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    const runtime = recording({ storage, backend: world.backend, env: { TMPDIR: world.home } });
    expect(await new UploadAction(world.params(), runtime).run()).toMatchObject({ uploadedBytes: size });
    expect(most - arrayBuffers - heapUsed).toBeLessThan(size / 4);
  });
});
