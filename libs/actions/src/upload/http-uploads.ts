import { z } from 'zod';
import type { HttpConnection } from '../backend/http-connection.js';
import type {
  DataCollection,
  DataUnit,
  FileSpecification,
  NewDataUnit,
  Project,
  UnitMetadata,
  UploadBackend,
} from './upload-backend.js';
import {
  dataCollectionSchema,
  dataUnitSchema,
  fileSpecificationSchema,
  projectSchema,
} from './upload-backend.js';

/** The part for uploads over HTTP; docs/guides/actions.md lists the requests. */
export class HttpUploads implements UploadBackend {
  constructor(private readonly http: HttpConnection) {}

  async project(id: number, signal?: AbortSignal): Promise<Project> {
    return this.http.json({ method: 'GET', path: ['projects', id], signal }, projectSchema);
  }

  async dataCollection(id: number, signal?: AbortSignal): Promise<DataCollection> {
    return this.http.json({ method: 'GET', path: ['data-collections', id], signal }, dataCollectionSchema);
  }

  async fileSpecifications(collectionId: number, signal?: AbortSignal): Promise<FileSpecification[]> {
    const path = ['data-collections', collectionId, 'file-specifications'];
    return this.http.json({ method: 'GET', path, signal }, z.array(fileSpecificationSchema));
  }

  async createDataUnits(
    collectionId: number,
    key: string,
    units: readonly NewDataUnit[],
    signal?: AbortSignal,
  ): Promise<DataUnit[]> {
    const path = batch(collectionId, key);
    return this.http.json({ method: 'PUT', path, body: units, signal }, z.array(dataUnitSchema));
  }

  async deleteDataUnits(collectionId: number, key: string, signal?: AbortSignal): Promise<void> {
    await this.http.send({ method: 'DELETE', path: batch(collectionId, key), signal });
  }

  async saveMetadata(
    collectionId: number,
    key: string,
    metadata: readonly UnitMetadata[],
    signal?: AbortSignal,
  ): Promise<void> {
    await this.http.send({ method: 'PUT', path: metadataOf(collectionId, key), body: metadata, signal });
  }

  async deleteMetadata(collectionId: number, key: string, signal?: AbortSignal): Promise<void> {
    await this.http.send({ method: 'DELETE', path: metadataOf(collectionId, key), signal });
  }
}

const batch = (collectionId: number, key: string) => ['data-collections', collectionId, 'data-units', key];
const metadataOf = (collectionId: number, key: string) => ['data-collections', collectionId, 'metadata', key];
