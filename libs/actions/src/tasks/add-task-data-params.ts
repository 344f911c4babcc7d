import { z } from 'zod';
import { idSchema } from '../upload/upload-backend.js';

/** Where the data come from. */
export const AddTaskDataMethod = {
  /** A file with annotations. */
  FILE: 'file',
  /** A model that is run on the tasks. */
  INFERENCE: 'inference',
} as const;
export type AddTaskDataMethod = (typeof AddTaskDataMethod)[keyof typeof AddTaskDataMethod];

const shared = {
  /** The project whose tasks get annotations. */
  project: idSchema,
  /** How many annotations are saved at the same time. */
  parallelism: z.int().min(1).max(64).default(4),
};

export const fileParamsSchema = z.strictObject({
  method: z.literal(AddTaskDataMethod.FILE),
  ...shared,
  /** A local file: `.json` with a list of `{ task, annotation }`, or `.jsonl` or `.ndjson` with one per line. */
  file: z.string().min(1),
  /** A larger file is refused. */
  maxBytes: z
    .int()
    .positive()
    .default(100 * 1024 * 1024),
});

export const inferenceParamsSchema = z.strictObject({
  method: z.literal(AddTaskDataMethod.INFERENCE),
  ...shared,
  /** The name under which the runtime's `models` know it. */
  model: z.string().min(1),
  /** Ids of tasks of the project; without, all of them. */
  tasks: z.array(idSchema).min(1).optional(),
  /** How many tasks the model gets at a time. */
  batchSize: z.int().min(1).max(10_000).default(16),
});

export const addTaskDataParamsSchema = z.discriminatedUnion('method', [
  fileParamsSchema,
  inferenceParamsSchema,
]);

export type FileParams = z.output<typeof fileParamsSchema>;
export type InferenceParams = z.output<typeof inferenceParamsSchema>;
export type AddTaskDataParams = z.output<typeof addTaskDataParamsSchema>;
