import type { HttpConnection } from '../backend/http-connection.js';
import { pages } from '../backend/pages.js';
import type { DatasetBackend, DatasetHead, StoredImage } from './dataset-backend.js';
import { datasetHeadSchema, storedImageSchema } from './dataset-backend.js';

/** The part for datasets over HTTP; docs/guides/actions.md lists the requests. */
export class HttpDatasets implements DatasetBackend {
  constructor(private readonly http: HttpConnection) {}

  async dataset(id: number, signal?: AbortSignal): Promise<DatasetHead> {
    return this.http.json({ method: 'GET', path: ['datasets', id], signal }, datasetHeadSchema);
  }

  images(datasetId: number, signal?: AbortSignal): AsyncIterable<StoredImage> {
    return pages(this.http, { path: ['datasets', datasetId, 'images'], signal }, storedImageSchema);
  }
}
