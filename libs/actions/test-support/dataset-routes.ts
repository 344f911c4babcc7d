import type { DatasetBackend } from '../src/dataset/dataset-backend.js';
import { pageOf } from './export-routes.js';
import type { Route } from './serve.js';
import { route } from './serve.js';

/** The requests for datasets, answered by another backend, in pages of this size. */
export const datasetRoutes = (datasets: DatasetBackend, pageSize: number): Route[] => [
  route('GET', 'datasets/*', async ([id]) => datasets.dataset(Number(id))),
  route('GET', 'datasets/*/images', async ([id], _, query) =>
    pageOf(datasets.images(Number(id)), query, pageSize),
  ),
];
