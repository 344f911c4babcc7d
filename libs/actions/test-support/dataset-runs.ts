import { MemoryBackend } from '../src/backend/memory-backend.js';
import type { MemoryDatasetsSeed } from '../src/dataset/memory-datasets.js';
import type { RecordingRuntime } from './runtime.js';
import { MemoryStorage, recording } from './runtime.js';

const box = { x: 16, y: 8, width: 32, height: 16 };

/** Dataset 123: three images, of which one has no file. */
export const pets: Required<MemoryDatasetsSeed> = {
  datasets: [
    {
      id: 123,
      name: 'Pets',
      categories: ['cat', 'dog'],
      images: [
        {
          name: 'a/1.jpg',
          width: 64,
          height: 32,
          key: 'k/1',
          annotations: [
            { category: 'dog', box, polygons: [], attributes: { old: true } },
            { category: 'cat', box, polygons: [[16, 8, 48, 8, 16, 24]], attributes: {} },
          ],
        },
        { name: 'a/2.jpg', width: 64, height: 32, key: 'k/2', annotations: [] },
        { name: 'b.png', width: 10, height: 10, key: null, annotations: [] },
      ],
    },
  ],
};

export const photos = { 'k/1': 'photo one', 'k/2': 'photo two' };

export const datasetRuntime = (files: Readonly<Record<string, string>> = photos): RecordingRuntime =>
  recording({ backend: new MemoryBackend(pets), storage: new MemoryStorage(files) });
