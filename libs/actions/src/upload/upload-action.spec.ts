import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { StepRegistry, ValidationStep } from '@counterstep/steps';
import { recording } from '../../test-support/runtime.js';
import { serve } from '../../test-support/serve.js';
import { uploadRoutes } from '../../test-support/upload-routes.js';
import { IMAGE, LABEL, TestUpload, Told, afterUpload, inWorld } from '../../test-support/upload-runs.js';
import { HttpBackend } from '../backend/http-backend.js';
import { runAction } from '../run-action.js';
import { UploadAction } from './upload-action.js';
import type { UploadContext } from './upload-context.js';

const pairs = {
  'image/a.jpg': 'picture of a',
  'image/sub/b.PNG': 'picture of b',
  'label/a.json': '{"cars":1}',
};

describe('an upload', () => {
  test('has the seven steps of the guide, with their weights', async () => {
    const registry = new StepRegistry<UploadContext>();
    new UploadAction({}, recording()).setupSteps(registry);
    expect(registry.getSteps().map(({ name, progressWeight }) => [name, progressWeight])).toEqual([
      ['initialize', 0.05],
      ['validate_files', 0.1],
      ['analyze_collection', 0.05],
      ['organize_files', 0.15],
      ['generate_data_units', 0.1],
      ['upload_files', 0.5],
      ['process_metadata', 0.05],
    ]);
    expect(registry.totalWeight).toBeCloseTo(1);
  });

  test('from a single path brings every byte to the storage, and the data units to the backend', async () => {
    await inWorld(async (world) => {
      const big = randomBytes(3_000_000);
      await world.given({ ...pairs, 'image/big.jpg': big, 'image/.DS_Store': 'no data' });
      const action = new TestUpload(world.params(), world.runtime);
      const result = await action.run();
      const stored = await world.stored();
      expect(Object.keys(stored)).toEqual([
        'image/a.jpg',
        'image/big.jpg',
        'image/sub/b.png',
        'label/a.json',
      ]);
      expect(stored).toMatchObject({
        'image/a.jpg': 'picture of a',
        'image/sub/b.png': 'picture of b',
        'label/a.json': '{"cars":1}',
      });
      const units = world.backend.uploads.dataUnits(7);
      expect(units.map(({ name, files }) => [name, Object.keys(files)])).toEqual([
        ['a', ['image', 'label']],
        ['big', ['image']],
        ['sub/b', ['image']],
      ]);
      // The backend's keys lead to the bytes.
      const { key, size } = units[1]!.files['image']!;
      expect(size).toBe(big.length);
      expect((await buffer(await world.storage.read(key))).equals(big)).toBe(true);
      expect(result).toEqual({
        success: true,
        stepsExecuted: 6,
        stepsTotal: 7,
        uploadedCount: 4,
        uploadedBytes: big.length + 34,
        dataUnits: units,
        metadata: null,
      });
    });
  });

  test('has in its context what each step found out', async () => {
    await inWorld(async (world) => {
      await world.given(pairs);
      const action = new TestUpload(world.params(), world.runtime);
      await action.run();
      const { context } = action;
      expect(context).toMatchObject({
        project: { id: 1, name: 'Streets' },
        dataCollection: { id: 7, name: 'Photos' },
        collectionMetadata: { season: 'autumn' },
        collectionStructure: [IMAGE, LABEL],
        organizedFiles: {
          a: { image: { relativePath: 'image/a.jpg', size: 12 }, label: { relativePath: 'label/a.json' } },
          'sub/b': { image: { relativePath: 'image/sub/b.PNG' } },
        },
        dataUnits: [
          { name: 'a', files: { image: { size: 12, source: { relativePath: 'image/a.jpg' } }, label: {} } },
          { name: 'sub/b', files: { image: { source: { relativePath: 'image/sub/b.PNG' } } } },
        ],
        metadataResult: null,
        workFolder: null,
      });
      expect(context!.storage).toBe(world.storage);
      expect(context!.files).toHaveLength(3);
      expect(
        context!.uploadedFiles.map(({ unit, specification, key }) => [unit, specification, afterUpload(key)]),
      ).toEqual([
        ['a', 'image', 'image/a.jpg'],
        ['a', 'label', 'label/a.json'],
        ['sub/b', 'image', 'image/sub/b.png'],
      ]);
      expect(context!.uploadedFiles.every(({ key }) => key.includes(context!.uploadId!))).toBe(true);
      expect(context!.stepResults.map(({ skipped }) => skipped)).toEqual([...Array(6).fill(false), true]);
    });
  });

  test('from several paths takes each file for the specification of its path', async () => {
    await inWorld(async (world) => {
      await world.given({ 'left/x.jpg': 'x', 'left/deep/y.jpg': 'y', 'right/x.json': '{}' });
      const assets = {
        image: { path: join(world.source, 'left'), recursive: false },
        label: { path: join(world.source, 'right/x.json') },
      };
      await new UploadAction(world.params({ assets }), world.runtime).run();
      expect(await world.stored()).toEqual({ 'image/x.jpg': 'x', 'label/x.json': '{}' });
      await new UploadAction(
        world.params({ assets: { image: { path: join(world.source, 'left') } } }),
        world.runtime,
      ).run();
      expect(Object.keys(await world.stored()).sort()).toEqual([
        'image/deep/y.jpg',
        'image/x.jpg',
        'label/x.json',
      ]);
      expect(world.backend.uploads.dataUnits(7)).toHaveLength(3);
    });
  });

  test('may leave the folder of a single specification out, and folders within folders too', async () => {
    await inWorld(async (world) => {
      await world.given({ 'a.jpg': 'a', 'sub/b.jpg': 'b', 'sub/deep/c.jpg': 'c' });
      await new UploadAction(world.params({ recursive: false }), world.runtime).run();
      expect(await world.stored()).toEqual({ 'image/a.jpg': 'a', 'image/sub/b.jpg': 'b' });
    }, IMAGE);
  });

  test('keeps names apart that no key could have', async () => {
    await inWorld(
      async (world) => {
        const odd = { 'a\\b.jpg': '1', 'a%5Cb.jpg': '2', 'ä ö\n.jpg': '3', '100%.jpg': '4' };
        await world.given(odd);
        await new UploadAction(world.params(), world.runtime).run();
        expect(Object.values(await world.stored()).sort()).toEqual(['1', '2', '3', '4']);
        expect(world.backend.uploads.dataUnits(7).map(({ name }) => name)).toEqual(
          Object.keys(odd)
            .map((name) => name.slice(0, -4))
            .sort(),
        );
      },
      { ...IMAGE, name: 'im/age' },
    );
  });

  test('saves the rows of an .xlsx file for the data units that they name', async () => {
    await inWorld(async (world) => {
      await world.given({ ...pairs, 'image/c.jpg': 'c' });
      const metadataPath = await world.sheet([
        ['file', 'place', 'cars', 'lit', 'taken', ''],
        ['a.jpg', 'Bern', 2, true, new Date(Date.UTC(2026, 10, 21)), 'not kept: no title'],
        [null, null, null, null, null],
        ['sub/b', 'Basel', null, null, null],
        ['nobody.jpg', 'Chur', 0, false, null],
      ]);
      const result = await new UploadAction(world.params({ metadataPath }), world.runtime).run();
      const { uploads } = world.backend;
      const [a, b, c] = ['a', 'sub/b', 'c'].map(
        (name) => uploads.dataUnits(7).find((unit) => unit.name === name)!.id,
      );
      expect(uploads.metadataOf(7, a!)).toEqual({
        place: 'Bern',
        cars: 2,
        lit: true,
        taken: '2026-11-21T00:00:00.000Z',
      });
      expect(uploads.metadataOf(7, b!)).toEqual({ place: 'Basel', cars: null, lit: null, taken: null });
      expect(uploads.metadataOf(7, c!)).toEqual({});
      expect(result).toMatchObject({
        stepsExecuted: 7,
        metadata: { rows: 3, matched: 2, unmatched: [{ row: 5, name: 'nobody.jpg' }] },
      });
      expect(world.runtime.logs).toContainEqual({
        event: 'metadata_unmatched',
        data: { rows: [{ row: 5, name: 'nobody.jpg' }] },
      });
    });
  });

  test('finds the name in the column that the parameters say', async () => {
    await inWorld(async (world) => {
      await world.given({ 'image/a.jpg': 'a' });
      const metadataPath = await world.sheet([
        ['place', 'picture'],
        ['Bern', 'image/a.jpg'],
      ]);
      await new UploadAction(world.params({ metadataPath, metadataColumn: 'picture' }), world.runtime).run();
      const [a] = world.backend.uploads.dataUnits(7);
      expect(world.backend.uploads.metadataOf(7, a!.id)).toEqual({ place: 'Bern' });
    });
  });

  test('tells its progress file by file, several at the same time but no more than asked for', async () => {
    await inWorld(async (world) => {
      await world.given(
        Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`image/${index}.jpg`, 'x'])),
      );
      let go = () => {};
      const full = new Promise<void>((resolve) => (go = resolve));
      world.storage.beforeWrite = () => {
        if (world.storage.writing === 3) go();
        return full;
      };
      await new UploadAction(world.params({ parallelism: 3 }), world.runtime).run();
      expect(world.storage.mostWriting).toBe(3);
      const told = world.runtime.progress.filter(([, , category]) => category === 'upload_files');
      expect(told).toEqual(Array.from({ length: 13 }, (_, index) => [index, 12, 'upload_files']));
      expect(world.runtime.metrics.at(-1)).toEqual([{ uploaded: 12, waiting: 0, bytes: 12 }, 'upload_files']);
      const overall = world.runtime.progress.filter(([, , category]) => category === 'overall');
      expect(overall.map(([percent]) => percent)).toEqual([5, 15, 20, 35, 45, 95, 100]);
    });
  });

  test('runs by its name, with a backend over HTTP', async () => {
    await inWorld(async (world) => {
      await world.given(pairs);
      const server = await serve(uploadRoutes(world.backend.uploads));
      try {
        const backend = new HttpBackend({ baseUrl: server.url, token: 'secret' });
        const metadataPath = await world.sheet([
          ['file', 'place'],
          ['a', 'Bern'],
        ]);
        const runtime = recording({ storage: world.storage, backend });
        expect(await runAction('upload', world.params({ metadataPath }), runtime)).toMatchObject({
          uploadedCount: 3,
          metadata: { matched: 1 },
        });
      } finally {
        await server.close();
      }
      expect(world.backend.uploads.dataUnits(7)).toHaveLength(2);
      expect(Object.keys(await world.stored())).toHaveLength(3);
    });
  });

  test('is refused without a storage, a backend, or one of the two kinds of paths', async () => {
    await inWorld(async (world) => {
      await world.given(pairs);
      const without = {
        storage: recording({ backend: world.backend }),
        backend: recording({ storage: world.storage }),
      };
      for (const [port, runtime] of Object.entries(without)) {
        await expect(new UploadAction(world.params(), runtime).run()).rejects.toThrow(port);
      }
      const both = { path: world.source, assets: {} };
      for (const more of [both, { path: undefined }]) {
        await expect(new UploadAction(world.params(more), world.runtime).run()).rejects.toMatchObject({
          code: 'PARAMS_INVALID',
        });
      }
    });
  });
});

test('an upload refuses a parameter that is not known: a mistyped one would count for nothing', async () => {
  await inWorld(async (world) => {
    const assets = { image: { path: world.source, recursve: false } };
    for (const [more, name] of [
      [{ paralelism: 1 }, 'paralelism'],
      [{ assets }, 'recursve'],
    ] as const) {
      await expect(new UploadAction(world.params(more), world.runtime).run()).rejects.toMatchObject({
        code: 'PARAMS_INVALID',
        message: expect.stringContaining(name),
      });
    }
  });
});

describe('the steps of an upload can be changed', () => {
  test('by a step before: it puts smaller files in the place of those that were found', async () => {
    await inWorld(async (world) => {
      await world.given({ 'image/a.jpg': 'a large picture' });
      const action = new TestUpload(world.params(), world.runtime);
      action.change = (registry) => {
        const shrink = new Told('shrink', async (context) => {
          const path = join(context.workFolder!, 'a.png');
          await writeFile(path, 'small');
          const { image } = context.organizedFiles['a']!;
          context.organizedFiles = { a: { image: { ...image!, path, size: 5 } } };
        });
        registry.insertBefore('generate_data_units', shrink);
        registry.insertBefore('upload_files', new Told('look', (context) => readdir(context.workFolder!)));
      };
      await action.run();
      expect(await world.stored()).toEqual({ 'image/a.png': 'small' });
      expect(await readdir(world.home)).not.toContainEqual(expect.stringContaining('counterstep-upload-'));
    });
  });

  test('by a step after: it sees what was uploaded', async () => {
    await inWorld(async (world) => {
      await world.given(pairs);
      const action = new TestUpload(world.params(), world.runtime);
      const verify = new ValidationStep<UploadContext>({
        name: 'verify_upload',
        progressWeight: 0.1,
        validator: async ({ uploadedFiles, storage }) => {
          const keys = await storage!.list('');
          return [uploadedFiles.every(({ key }) => keys.includes(key)) && keys.length === 3];
        },
      });
      action.change = (registry) => registry.insertAfter('upload_files', verify);
      expect(await action.run()).toMatchObject({ stepsExecuted: 7, stepsTotal: 8 });
    });
  });

  test('by another step in the place of a built-in one', async () => {
    await inWorld(async (world) => {
      await world.given(pairs);
      const metadataPath = await world.sheet([
        ['file', 'place'],
        ['a', 'Bern'],
      ]);
      const seen: string[] = [];
      const action = new TestUpload(world.params({ metadataPath }), world.runtime);
      action.change = (registry) => {
        registry.unregister('process_metadata');
        registry.register(
          new Told('my_metadata', ({ createdUnits }) => seen.push(...createdUnits.map(({ name }) => name))),
        );
      };
      await action.run();
      expect(seen).toEqual(['a', 'sub/b']);
      const [a] = world.backend.uploads.dataUnits(7);
      expect(world.backend.uploads.metadataOf(7, a!.id)).toEqual({});
    });
  });
});
