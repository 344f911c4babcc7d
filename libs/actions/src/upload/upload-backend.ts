import { z } from 'zod';

/** What crosses the border as JSON is checked there by these schemas. Ids are whole numbers. */
export const idSchema = z.int().nonnegative();

export const projectSchema = z.object({
  id: idSchema,
  name: z.string(),
  configuration: z.record(z.string(), z.json()).default({}),
});
export type Project = z.output<typeof projectSchema>;

export const dataCollectionSchema = z.object({
  id: idSchema,
  name: z.string(),
  projectId: idSchema,
  metadata: z.record(z.string(), z.json()).default({}),
});
export type DataCollection = z.output<typeof dataCollectionSchema>;

/** One of the files that a data unit of the collection is made of. */
export const fileSpecificationSchema = z.object({
  name: z.string().min(1),
  required: z.boolean().default(true),
  /** Such as `.jpg`, in lower case; none: all are taken. */
  extensions: z.array(z.string()).default([]),
});
export type FileSpecification = z.output<typeof fileSpecificationSchema>;

/** A file of a data unit: where it is in the storage, and its bytes. */
export const unitFileSchema = z.object({ key: z.string().min(1), size: z.int().nonnegative() });
export type UnitFile = z.output<typeof unitFileSchema>;

/** A data unit to be created: its files by the name of their specification. */
export const newDataUnitSchema = z.object({
  name: z.string().min(1),
  files: z.record(z.string(), unitFileSchema),
});
export type NewDataUnit = z.output<typeof newDataUnitSchema>;

export const dataUnitSchema = newDataUnitSchema.extend({ id: idSchema });
export type DataUnit = z.output<typeof dataUnitSchema>;

/** What a row of the metadata says of one data unit. */
export const unitMetadataSchema = z.object({
  dataUnitId: idSchema,
  values: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type UnitMetadata = z.output<typeof unitMetadataSchema>;

/**
 * What an upload needs of the data backend. Whatever it writes is written under a key that the caller makes up, so that
 * every call may be repeated, and what has been written under a key can be deleted without knowing what it was. Methods
 * reject with a `BackendError`.
 */
export interface UploadBackend {
  project(id: number, signal?: AbortSignal): Promise<Project>;
  dataCollection(id: number, signal?: AbortSignal): Promise<DataCollection>;
  fileSpecifications(collectionId: number, signal?: AbortSignal): Promise<FileSpecification[]>;

  /**
   * Creates all of the data units or none, and resolves with them in the order given. The same key again, with the same
   * units, resolves with what was created then; with other units, or after the key was deleted, it is refused (409).
   */
  createDataUnits(
    collectionId: number,
    key: string,
    units: readonly NewDataUnit[],
    signal?: AbortSignal,
  ): Promise<DataUnit[]>;
  /** Deletes what was created under the key, if anything was; a creation that arrives later is refused. */
  deleteDataUnits(collectionId: number, key: string, signal?: AbortSignal): Promise<void>;

  /** Adds to what is known of data units, in place of what this key said before. All of it or nothing. */
  saveMetadata(
    collectionId: number,
    key: string,
    metadata: readonly UnitMetadata[],
    signal?: AbortSignal,
  ): Promise<void>;
  /** Takes back what was saved under the key, if anything was; a saving that arrives later is refused. */
  deleteMetadata(collectionId: number, key: string, signal?: AbortSignal): Promise<void>;
}
