import { randomUUID } from 'node:crypto';
import { BaseStep, StepResult, reasonOf } from '@counterstep/steps';
import { BackendError } from '../backend/errors.js';
import { needed } from '../needed.js';
import { inParallel } from '../parallel.js';
import { backendOf } from '../runtime.js';
import type { AddTaskDataContext } from './add-task-data-context.js';
import type { Annotation, AnnotationData, TaskBackend } from './task-backend.js';

/** An annotation that was written, or may have been, and what there was before. */
export interface WrittenAnnotation {
  readonly task: number;
  readonly revision: string;
  readonly former: Annotation | null;
}

/** What `upload_annotations` keeps for its rollback. */
export interface AnnotationsWritten {
  readonly written: readonly WrittenAnnotation[];
}

/**
 * Saves the annotations. When one cannot be saved, and in rollback, what there was before is put back; only what somebody
 * else has changed since is left alone, and named.
 */
export class UploadAnnotationsStep extends BaseStep<AddTaskDataContext, AnnotationsWritten> {
  readonly name: string = 'upload_annotations';
  readonly progressWeight: number;

  /** @param progressWeight 0.5 where the data come from a file, 0.3 after inference. */
  constructor(progressWeight = 0.5) {
    super();
    this.progressWeight = progressWeight;
  }

  async execute(context: AddTaskDataContext, signal: AbortSignal): Promise<StepResult<AnnotationsWritten>> {
    const taskData = needed(context.taskData, 'process_tasks or format_results');
    const tasks = backendOf(context.runtimeCtx, 'tasks');
    const written = new Set<WrittenAnnotation>();
    let saved = 0;
    try {
      await inParallel(taskData, context.params.parallelism, async ({ task, annotation: data }) => {
        signal.throwIfAborted();
        const former = await tasks.annotation(task, signal);
        const mine = { task, revision: randomUUID(), former };
        // Before it is sent: an answer that does not come says nothing about what happened.
        written.add(mine);
        await save(tasks, mine, data, signal).catch((thrown: unknown) => {
          if (thrown instanceof BackendError && thrown.code === 'BACKEND_REFUSED') written.delete(mine);
          throw thrown;
        });
        saved += 1;
        context.setProgress(saved, taskData.length);
        context.setMetrics({ saved, waiting: taskData.length - saved });
      });
    } catch (thrown) {
      const failures = await restore(tasks, [...written]);
      throw new Error([reasonOf(thrown), ...failures].join('; '), { cause: thrown });
    }
    context.annotatedCount = saved;
    return new StepResult({ data: { saved }, rollbackData: { written: [...written] } });
  }

  override async rollback(
    context: AddTaskDataContext,
    { rollbackData }: StepResult<AnnotationsWritten>,
    signal: AbortSignal,
  ): Promise<void> {
    context.annotatedCount = 0;
    const failures = await restore(
      backendOf(context.runtimeCtx, 'tasks'),
      rollbackData.written ?? [],
      signal,
    );
    if (failures.length > 0) throw new Error(failures.join('; '));
  }
}

async function save(
  tasks: TaskBackend,
  { task, revision, former }: WrittenAnnotation,
  data: AnnotationData,
  signal: AbortSignal,
): Promise<void> {
  await tasks.replaceAnnotation(task, former?.revision ?? null, { revision, data }, signal);
}

/** Puts back what there was before. Resolves with what could not be put back, and why. */
async function restore(
  tasks: TaskBackend,
  written: readonly WrittenAnnotation[],
  signal?: AbortSignal,
): Promise<string[]> {
  const failures: string[] = [];
  for (const { task, revision, former } of written) {
    await tasks.replaceAnnotation(task, revision, former, signal).catch((thrown: unknown) => {
      failures.push(`the former annotation of task ${task} was not put back: ${reasonOf(thrown)}`);
    });
  }
  return failures;
}
