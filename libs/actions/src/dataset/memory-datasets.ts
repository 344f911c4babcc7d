import { refusal } from '../backend/errors.js';
import type { DatasetBackend, DatasetHead, StoredImage } from './dataset-backend.js';

export interface MemoryDatasetsSeed {
  readonly datasets?: readonly (Omit<DatasetHead, 'imageCount'> & {
    readonly images: readonly StoredImage[];
  })[];
}

/** The part for datasets in memory, for tests. What it gives are copies. */
export class MemoryDatasets implements DatasetBackend {
  readonly #seed: MemoryDatasetsSeed;

  constructor(seed: MemoryDatasetsSeed = {}) {
    this.#seed = structuredClone(seed);
  }

  async dataset(datasetId: number): Promise<DatasetHead> {
    const { id, name, categories, images } = this.#find(datasetId);
    return structuredClone({ id, name, categories, imageCount: images.length });
  }

  async *images(datasetId: number): AsyncIterable<StoredImage> {
    const images = this.#find(datasetId).images.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const image of images) yield structuredClone(image);
  }

  #find(id: number): Required<MemoryDatasetsSeed>['datasets'][number] {
    const found = this.#seed.datasets?.find((dataset) => dataset.id === id);
    if (!found) throw refusal(404, `there is no dataset ${id}`);
    return found;
  }
}
