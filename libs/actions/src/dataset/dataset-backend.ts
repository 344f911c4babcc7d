import { z } from 'zod';
import { idSchema } from '../upload/upload-backend.js';
import { categoriesSchema, datasetImageSchema } from './dataset.js';

/** What the backend says of a dataset as a whole. */
export const datasetHeadSchema = z.object({
  id: idSchema,
  name: z.string(),
  categories: categoriesSchema,
  imageCount: z.int().nonnegative(),
});
export type DatasetHead = z.output<typeof datasetHeadSchema>;

/** An image of it, and where it is in the storage; null when it is not kept. */
export const storedImageSchema = datasetImageSchema.extend({ key: z.string().min(1).nullable() });
export type StoredImage = z.output<typeof storedImageSchema>;

/** What an export of datasets needs of the data backend; it only reads. Methods reject with a `BackendError`. */
export interface DatasetBackend {
  dataset(id: number, signal?: AbortSignal): Promise<DatasetHead>;
  /** By name, fetched as they are read. */
  images(datasetId: number, signal?: AbortSignal): AsyncIterable<StoredImage>;
}
