import { z } from 'zod';
import { fileNameSchema } from '../files.js';
import { idSchema } from '../upload/upload-backend.js';

/** What every export is asked for. */
export const exportParamsSchema = z.strictObject({
  project: idSchema,
  /** What is exported: `assignment`, `ground_truth`, `task`, or a target of the action's own. */
  target: z.string().min(1),
  /** Only records whose data has these values. */
  filter: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  /** The local folder below which the export gets a folder of its own. */
  pathRoot: z.string().min(1),
  /** The name of that folder; a number is added when it is taken. */
  name: fileNameSchema.default('export'),
  /** Whether the original files are saved beside the data. They come from the runtime's `storage`. */
  saveOriginalFile: z.boolean().default(true),
  /** How many items are saved at the same time. */
  parallelism: z.int().min(1).max(64).default(4),
  /** What the hooks may need. */
  extraParams: z.record(z.string(), z.json()).default({}),
});

export type ExportParams = z.output<typeof exportParamsSchema>;
