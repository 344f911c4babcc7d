import { z } from 'zod';
import type { Project } from '../upload/upload-backend.js';
import { idSchema } from '../upload/upload-backend.js';

/** An original file of a record: its name for people, and where it is in the storage. */
export const originalFileSchema = z.object({ name: z.string(), key: z.string().min(1) });
export type OriginalFile = z.output<typeof originalFileSchema>;

/** What the backend has to export for one assignment, ground truth or task. */
export const exportRecordSchema = z.object({
  id: idSchema,
  files: z.array(originalFileSchema).default([]),
  data: z.record(z.string(), z.json()),
});
export type ExportRecord = z.output<typeof exportRecordSchema>;

/** Which records of a project: those whose `data` has these values. Empty: all. */
export type ExportFilter = Readonly<Record<string, boolean | number | string>>;

/** What an export needs of the data backend; it only reads. Methods reject with a `BackendError`. */
export interface ExportBackend {
  project(id: number, signal?: AbortSignal): Promise<Project>;
  /** How many records `records` would give now. */
  countRecords(
    projectId: number,
    target: string,
    filter: ExportFilter,
    signal?: AbortSignal,
  ): Promise<number>;
  /** By ascending id, fetched as they are read. */
  records(
    projectId: number,
    target: string,
    filter: ExportFilter,
    signal?: AbortSignal,
  ): AsyncIterable<ExportRecord>;
}
