import { z } from 'zod';
import type { UploadBackend } from '../src/upload/upload-backend.js';
import { newDataUnitSchema, unitMetadataSchema } from '../src/upload/upload-backend.js';
import type { Route } from './serve.js';
import { route } from './serve.js';

/** The requests for uploads, answered by another backend. */
export const uploadRoutes = (uploads: UploadBackend): Route[] => [
  route('GET', 'projects/*', async ([id]) => uploads.project(Number(id))),
  route('GET', 'data-collections/*', async ([id]) => uploads.dataCollection(Number(id))),
  route('GET', 'data-collections/*/file-specifications', async ([id]) =>
    uploads.fileSpecifications(Number(id)),
  ),
  route('PUT', 'data-collections/*/data-units/*', async ([id, key = ''], body) =>
    uploads.createDataUnits(Number(id), key, z.array(newDataUnitSchema).parse(body)),
  ),
  route('DELETE', 'data-collections/*/data-units/*', async ([id, key = '']) =>
    uploads.deleteDataUnits(Number(id), key),
  ),
  route('PUT', 'data-collections/*/metadata/*', async ([id, key = ''], body) =>
    uploads.saveMetadata(Number(id), key, z.array(unitMetadataSchema).parse(body)),
  ),
  route('DELETE', 'data-collections/*/metadata/*', async ([id, key = '']) =>
    uploads.deleteMetadata(Number(id), key),
  ),
];
