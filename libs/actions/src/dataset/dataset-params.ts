import { z } from 'zod';
import { idSchema } from '../upload/upload-backend.js';

export const DatasetOperation = {
  /** Brings a dataset into another format. */
  CONVERT: 'convert',
  /** Brings a dataset from the backend to a local folder. */
  EXPORT: 'export',
} as const;
export type DatasetOperation = (typeof DatasetOperation)[keyof typeof DatasetOperation];

const shared = {
  /** The local folder in which the dataset gets a folder named as its format. */
  output: z.string().min(1).default('datasets'),
  /** Whether the image files come along. Those of the backend come from the runtime's `storage`. */
  images: z.boolean().default(true),
  /** How many image files are fetched or copied at the same time. */
  parallelism: z.int().min(1).max(64).default(4),
};

export const exportDatasetParamsSchema = z.strictObject({
  operation: z.literal(DatasetOperation.EXPORT),
  ...shared,
  /** Its id in the backend. */
  dataset: idSchema,
});

export const convertDatasetParamsSchema = z
  .strictObject({
    operation: z.literal(DatasetOperation.CONVERT),
    ...shared,
    /** Its id in the backend, from which it is exported first. */
    dataset: idSchema.optional(),
    /** Or the local folder where it is. */
    source: z.string().min(1).optional(),
    /** The format of `source`. */
    sourceFormat: z.string().min(1).default('dm'),
    targetFormat: z.string().min(1),
  })
  .refine(({ dataset, source }) => (dataset === undefined) !== (source === undefined), {
    message: 'name either a dataset of the backend or a source folder',
    path: ['dataset'],
  })
  .refine(({ dataset, targetFormat }) => dataset === undefined || targetFormat !== 'dm', {
    message: `a dataset of the backend is exported as 'dm': use the operation 'export'`,
    path: ['targetFormat'],
  });

export const datasetParamsSchema = z.discriminatedUnion('operation', [
  exportDatasetParamsSchema,
  convertDatasetParamsSchema,
]);

export type ExportDatasetParams = z.output<typeof exportDatasetParamsSchema>;
export type ConvertDatasetParams = z.output<typeof convertDatasetParamsSchema>;
export type DatasetParams = z.output<typeof datasetParamsSchema>;
