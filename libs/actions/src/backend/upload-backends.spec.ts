import { afterEach, describe, expect, test } from '@jest/globals';
import type { Served } from '../../test-support/serve.js';
import { serve } from '../../test-support/serve.js';
import { uploadRoutes } from '../../test-support/upload-routes.js';
import type { MemoryUploads } from '../upload/memory-uploads.js';
import type { UploadBackend } from '../upload/upload-backend.js';
import { HttpBackend } from './http-backend.js';
import { MemoryBackend } from './memory-backend.js';

const memory = () =>
  new MemoryBackend({
    projects: [{ id: 1, name: 'Streets', configuration: { classes: ['car'] } }],
    collections: [
      {
        id: 7,
        name: 'Photos',
        projectId: 1,
        metadata: { season: 'autumn' },
        fileSpecifications: [{ name: 'image', required: true, extensions: ['.jpg'] }],
      },
    ],
  }).uploads;

const open: Served[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

/** A backend, and the same one as it is behind it, to look into. */
type Made = { readonly uploads: UploadBackend; readonly inside: MemoryUploads };
const kinds: Record<string, () => Promise<Made>> = {
  'in memory': async () => {
    const inside = memory();
    return { uploads: inside, inside };
  },
  'over HTTP': async () => {
    const inside = memory();
    const server = await serve(uploadRoutes(inside));
    open.push(server);
    return { uploads: new HttpBackend({ baseUrl: server.url }).uploads, inside };
  },
};

const units = [
  { name: 'a', files: { image: { key: 'k/a.jpg', size: 3 } } },
  { name: 'b', files: { image: { key: 'k/b.jpg', size: 0 } } },
];

describe.each(Object.keys(kinds))('a backend for uploads %s', (kind) => {
  const make = async (): Promise<Made> => kinds[kind]!();

  test('knows projects, data collections and their file specifications', async () => {
    const { uploads } = await make();
    expect(await uploads.project(1)).toEqual({
      id: 1,
      name: 'Streets',
      configuration: { classes: ['car'] },
    });
    expect(await uploads.dataCollection(7)).toEqual({
      id: 7,
      name: 'Photos',
      projectId: 1,
      metadata: { season: 'autumn' },
    });
    expect(await uploads.fileSpecifications(7)).toEqual([
      { name: 'image', required: true, extensions: ['.jpg'] },
    ]);
  });

  test('says what it does not know', async () => {
    const { uploads } = await make();
    const refused = { code: 'BACKEND_REFUSED', status: 404, retryable: false };
    await expect(uploads.project(2)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('there is no project 2'),
    });
    await expect(uploads.dataCollection(8)).rejects.toMatchObject(refused);
    await expect(uploads.fileSpecifications(8)).rejects.toMatchObject(refused);
    await expect(uploads.createDataUnits(8, 'x', units)).rejects.toMatchObject(refused);
  });

  test('creates data units, in their order, once per key', async () => {
    const { uploads, inside } = await make();
    const created = await uploads.createDataUnits(7, 'run/1', units);
    expect(created).toEqual(units.map((unit) => ({ ...unit, id: expect.any(Number) })));
    expect(await uploads.createDataUnits(7, 'run/1', units)).toEqual(created);
    expect(inside.dataUnits(7)).toEqual(created);
    await expect(uploads.createDataUnits(7, 'run/1', units.slice(1))).rejects.toMatchObject({ status: 409 });
    await uploads.createDataUnits(7, 'run/2', units);
    expect(inside.dataUnits(7)).toHaveLength(4);
  });

  test('creates all of the data units or none', async () => {
    const { uploads, inside } = await make();
    const bad = [...units, { name: 'c', files: { sound: { key: 'k/c.mp3', size: 1 } } }];
    await expect(uploads.createDataUnits(7, 'x', bad)).rejects.toMatchObject({ status: 422 });
    expect(inside.dataUnits(7)).toEqual([]);
  });

  test('deletes what was created under a key, and nothing else, and creates nothing under it any more', async () => {
    const { uploads, inside } = await make();
    await uploads.createDataUnits(7, 'gone', units);
    const kept = await uploads.createDataUnits(7, 'kept', units);
    await uploads.deleteDataUnits(7, 'gone');
    await uploads.deleteDataUnits(7, 'gone');
    expect(inside.dataUnits(7)).toEqual(kept);
    await uploads.deleteDataUnits(7, 'early');
    await expect(uploads.createDataUnits(7, 'early', units)).rejects.toMatchObject({ status: 409 });
    expect(inside.dataUnits(7)).toEqual(kept);
  });

  test('saves metadata of data units under a key, and takes it back', async () => {
    const { uploads, inside } = await make();
    const [a, b] = await uploads.createDataUnits(7, 'x', units);
    const ofA = { dataUnitId: a!.id, values: { place: 'Bern', lit: true, cars: 2, note: null } };
    await uploads.saveMetadata(7, 'm', [{ dataUnitId: b!.id, values: { place: 'Basel' } }]);
    await uploads.saveMetadata(7, 'm', [ofA]);
    await uploads.saveMetadata(7, 'n', [{ dataUnitId: a!.id, values: { seen: 'twice' } }]);
    expect(inside.metadataOf(7, a!.id)).toEqual({ ...ofA.values, seen: 'twice' });
    expect(inside.metadataOf(7, b!.id)).toEqual({});
    await uploads.deleteMetadata(7, 'm');
    expect(inside.metadataOf(7, a!.id)).toEqual({ seen: 'twice' });
    await expect(uploads.saveMetadata(7, 'm', [ofA])).rejects.toMatchObject({ status: 409 });
  });

  test('saves no metadata of a data unit that is not there', async () => {
    const { uploads } = await make();
    await expect(uploads.saveMetadata(7, 'm', [{ dataUnitId: 99, values: {} }])).rejects.toMatchObject({
      status: 422,
    });
  });
});
