import { MemoryBackend } from '../src/backend/memory-backend.js';
import type { AnnotationData, TaskBackend } from '../src/tasks/task-backend.js';

/** Five tasks of project 1; the first has an annotation. */
export const someTasks = (): TaskBackend =>
  new MemoryBackend({
    tasks: [1, 2, 3, 4, 5].map((id) => ({
      projectId: 1,
      id,
      data: { area: id * 10, rooms: id },
      ...(id === 1 ? { annotation: { revision: 'old', data: { label: 'old' } } } : {}),
    })),
  }).tasks;

/** What is said of the five, in their order. */
export async function annotationsIn(tasks: TaskBackend): Promise<(AnnotationData | null)[]> {
  const found = await Promise.all([1, 2, 3, 4, 5].map((id) => tasks.annotation(id)));
  return found.map((annotation) => annotation?.data ?? null);
}

export const asBefore = [{ label: 'old' }, null, null, null, null];

/** The same backend, that does something else instead of saving the annotation of a task. */
export const failingAt = (tasks: TaskBackend, taskId: number, instead: () => Promise<void>): TaskBackend => ({
  countTasks: (project) => tasks.countTasks(project),
  tasks: (project) => tasks.tasks(project),
  annotation: (task) => tasks.annotation(task),
  replaceAnnotation: async (task, former, next) => {
    if (task === taskId && next && next.revision !== 'old') return instead();
    return tasks.replaceAnnotation(task, former, next);
  },
});
