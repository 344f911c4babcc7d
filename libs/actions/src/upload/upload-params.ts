import { z } from 'zod';
import { idSchema } from './upload-backend.js';

const assetSchema = z.strictObject({
  /** A folder, or one file. */
  path: z.string().min(1),
  /** Whether the folders below it count too. */
  recursive: z.boolean().default(true),
});

/**
 * What every upload is asked for. Either `path`: a folder with a subfolder for each file specification (mode `single`); or
 * `assets`: a path for each file specification, by its name (mode `multi`).
 */
export const uploadParamsSchema = z
  .strictObject({
    project: idSchema,
    dataCollection: idSchema,
    path: z.string().min(1).optional(),
    /** For `path`: whether the folders below the subfolders count too. */
    recursive: z.boolean().default(true),
    assets: z.record(z.string(), assetSchema).optional(),
    /** An .xlsx file whose first sheet has a row of titles, then one row for each data unit. */
    metadataPath: z.string().min(1).optional(),
    /** The title of the column that names a file or data unit; without, the first column. */
    metadataColumn: z.string().min(1).optional(),
    /** Bytes of each file. */
    maxFileBytes: z
      .int()
      .min(0)
      .default(10 * 1024 ** 3),
    /** Bytes of the .xlsx file, which is read into memory. */
    maxMetadataBytes: z
      .int()
      .min(0)
      .default(20 * 1024 ** 2),
    /** How many files are uploaded at the same time. */
    parallelism: z.int().min(1).max(64).default(4),
    /** How often the upload of a file is tried again. */
    retries: z.int().min(0).max(20).default(3),
    /** Milliseconds before it is, at most: a random share of it, doubled each time. */
    firstRetryDelayMs: z.int().min(0).max(60_000).default(500),
  })
  .refine(({ path, assets }) => (path === undefined) !== (assets === undefined), {
    message: 'give either `path` or `assets`',
  });

export type UploadParams = z.output<typeof uploadParamsSchema>;
