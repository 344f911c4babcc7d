import { z } from 'zod';
import type { TaskBackend } from '../src/tasks/task-backend.js';
import { annotationSchema } from '../src/tasks/task-backend.js';
import { pageOf } from './export-routes.js';
import type { Route } from './serve.js';
import { route } from './serve.js';

const replacementSchema = z.object({ former: z.string().nullable(), next: annotationSchema.nullable() });

/** The requests for tasks, answered by another backend, in pages of this size. */
export const taskRoutes = (tasks: TaskBackend, pageSize: number): Route[] => [
  route('GET', 'projects/*/tasks/count', async ([id]) => ({ count: await tasks.countTasks(Number(id)) })),
  route('GET', 'projects/*/tasks', async ([id], _, query) =>
    pageOf(tasks.tasks(Number(id)), query, pageSize),
  ),
  route('GET', 'tasks/*/annotation', async ([id]) => tasks.annotation(Number(id))),
  route('PUT', 'tasks/*/annotation', async ([id], body) => {
    const { former, next } = replacementSchema.parse(body);
    return tasks.replaceAnnotation(Number(id), former, next);
  }),
];
