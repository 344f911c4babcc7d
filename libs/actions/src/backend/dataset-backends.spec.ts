import { afterEach, describe, expect, test } from '@jest/globals';
import { datasetRoutes } from '../../test-support/dataset-routes.js';
import { pets } from '../../test-support/dataset-runs.js';
import type { Served } from '../../test-support/serve.js';
import { serve } from '../../test-support/serve.js';
import type { DatasetBackend } from '../dataset/dataset-backend.js';
import { HttpBackend } from './http-backend.js';
import { MemoryBackend } from './memory-backend.js';

const open: Served[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const kinds: Record<string, () => Promise<DatasetBackend>> = {
  'in memory': async () => new MemoryBackend(pets).datasets,
  'over HTTP': async () => {
    const server = await serve(datasetRoutes(new MemoryBackend(pets).datasets, 2));
    open.push(server);
    return new HttpBackend({ baseUrl: server.url }).datasets;
  },
};

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe.each(Object.keys(kinds))('a backend for datasets %s', (kind) => {
  const make = async () => kinds[kind]!();

  test('knows datasets, and says what it does not know', async () => {
    const datasets = await make();
    expect(await datasets.dataset(123)).toEqual({
      id: 123,
      name: 'Pets',
      categories: ['cat', 'dog'],
      imageCount: 3,
    });
    const refused = {
      code: 'BACKEND_REFUSED',
      status: 404,
      message: expect.stringContaining('no dataset 7'),
    };
    await expect(datasets.dataset(7)).rejects.toMatchObject(refused);
    await expect(all(datasets.images(7))).rejects.toMatchObject(refused);
  });

  test('gives the images of a dataset with all that is known of them, by name', async () => {
    expect(await all((await make()).images(123))).toEqual(pets.datasets[0]!.images);
  });
});
