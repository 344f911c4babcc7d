import { refusal } from '../backend/errors.js';
import type { Annotation, Task, TaskBackend } from './task-backend.js';

export interface MemoryTasksSeed {
  readonly tasks?: readonly (Task & { readonly projectId: number; readonly annotation?: Annotation })[];
}

/** The part for tasks in memory, for tests. What it gives and takes are copies. */
export class MemoryTasks implements TaskBackend {
  readonly #tasks: Required<MemoryTasksSeed>['tasks'];
  readonly #annotations = new Map<number, Annotation>();

  constructor({ tasks = [] }: MemoryTasksSeed = {}) {
    this.#tasks = structuredClone(tasks).toSorted((a, b) => a.id - b.id);
    for (const { id, annotation } of this.#tasks) if (annotation) this.#annotations.set(id, annotation);
  }

  async countTasks(projectId: number): Promise<number> {
    return this.#of(projectId).length;
  }

  async *tasks(projectId: number): AsyncIterable<Task> {
    for (const { id, data } of this.#of(projectId)) yield structuredClone({ id, data });
  }

  async annotation(taskId: number): Promise<Annotation | null> {
    this.#check(taskId);
    return structuredClone(this.#annotations.get(taskId) ?? null);
  }

  async replaceAnnotation(taskId: number, former: string | null, next: Annotation | null): Promise<void> {
    this.#check(taskId);
    const now = this.#annotations.get(taskId)?.revision ?? null;
    if (now === (next?.revision ?? null)) return;
    if (now !== former) throw refusal(409, `the annotation of task ${taskId} was changed by somebody else`);
    if (next) this.#annotations.set(taskId, structuredClone(next));
    else this.#annotations.delete(taskId);
  }

  #of(projectId: number): Required<MemoryTasksSeed>['tasks'] {
    return this.#tasks.filter((task) => task.projectId === projectId);
  }

  #check(taskId: number): void {
    if (!this.#tasks.some(({ id }) => id === taskId)) throw refusal(404, `there is no task ${taskId}`);
  }
}
