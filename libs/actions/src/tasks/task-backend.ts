import { z } from 'zod';
import { idSchema } from '../upload/upload-backend.js';

export const taskSchema = z.object({ id: idSchema, data: z.record(z.string(), z.json()).default({}) });
export type Task = z.output<typeof taskSchema>;

export const annotationDataSchema = z.record(z.string(), z.json());
export type AnnotationData = z.output<typeof annotationDataSchema>;

/** What is said of a task. Who writes it makes up the revision, a new one each time. */
export const annotationSchema = z.object({ revision: z.string().min(1), data: annotationDataSchema });
export type Annotation = z.output<typeof annotationSchema>;

/** What adding data to tasks needs of the data backend. Methods reject with a `BackendError`. */
export interface TaskBackend {
  countTasks(projectId: number, signal?: AbortSignal): Promise<number>;
  /** By ascending id, fetched as they are read. */
  tasks(projectId: number, signal?: AbortSignal): AsyncIterable<Task>;
  /** The annotation of a task; null when it has none. */
  annotation(taskId: number, signal?: AbortSignal): Promise<Annotation | null>;
  /**
   * Puts `next` (null: none) in place of the annotation whose revision is `former` (null: none). If `next` is there already,
   * nothing changes, so that a call may be repeated. If there is another revision, it is refused (409): somebody else has
   * written since.
   */
  replaceAnnotation(
    taskId: number,
    former: string | null,
    next: Annotation | null,
    signal?: AbortSignal,
  ): Promise<void>;
}
