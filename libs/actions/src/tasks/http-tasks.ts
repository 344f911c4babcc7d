import { z } from 'zod';
import type { HttpConnection } from '../backend/http-connection.js';
import { pages } from '../backend/pages.js';
import type { Annotation, Task, TaskBackend } from './task-backend.js';
import { annotationSchema, taskSchema } from './task-backend.js';

const countSchema = z.object({ count: z.int().nonnegative() });

/** The part for tasks over HTTP; docs/guides/actions.md lists the requests. */
export class HttpTasks implements TaskBackend {
  constructor(private readonly http: HttpConnection) {}

  async countTasks(projectId: number, signal?: AbortSignal): Promise<number> {
    const path = ['projects', projectId, 'tasks', 'count'];
    return (await this.http.json({ method: 'GET', path, signal }, countSchema)).count;
  }

  tasks(projectId: number, signal?: AbortSignal): AsyncIterable<Task> {
    return pages(this.http, { path: ['projects', projectId, 'tasks'], signal }, taskSchema);
  }

  async annotation(taskId: number, signal?: AbortSignal): Promise<Annotation | null> {
    const path = annotationOf(taskId);
    return this.http.json({ method: 'GET', path, signal }, annotationSchema.nullable());
  }

  async replaceAnnotation(
    taskId: number,
    former: string | null,
    next: Annotation | null,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = annotationOf(taskId);
    await this.http.send({ method: 'PUT', path, body: { former, next }, signal });
  }
}

const annotationOf = (taskId: number) => ['tasks', taskId, 'annotation'];
