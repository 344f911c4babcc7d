import { extname } from 'node:path';
import { BaseStep, StepResult } from '@counterstep/steps';
import { z } from 'zod';
import { FileError, checkReadable, parseJson, readJson, readText } from '../files.js';
import { needed } from '../needed.js';
import { backendOf } from '../runtime.js';
import { idSchema } from '../upload/upload-backend.js';
import type { AddTaskDataContext, TaskAnnotation } from './add-task-data-context.js';
import type { FileParams } from './add-task-data-params.js';
import { namingTask } from './naming-task.js';
import { annotationDataSchema } from './task-backend.js';

type FileContext = AddTaskDataContext<FileParams>;

const LIST = '.json';
const LINES = ['.jsonl', '.ndjson'];
const entrySchema = z.strictObject({ task: idSchema, annotation: annotationDataSchema });

/** Checks that the file is there, can be read, is not empty or too large, and has a known form. */
export class ValidateFileStep extends BaseStep<FileContext> {
  readonly name: string = 'validate_file';
  readonly progressWeight: number = 0.05;

  async execute(context: FileContext): Promise<StepResult> {
    const { file, maxBytes } = context.params;
    const forms = [LIST, ...LINES];
    if (!forms.includes(extname(file).toLowerCase())) {
      throw new FileError('FILE_INVALID', file, `it must be one of ${forms.join(', ')}`);
    }
    const bytes = await checkReadable(file, maxBytes);
    if (bytes === 0) throw new FileError('FILE_INVALID', file, 'it is empty');
    context.fileBytes = bytes;
    return new StepResult({ data: { bytes } });
  }

  override rollback(context: FileContext): void {
    context.fileBytes = null;
  }
}

/** Reads the file's annotations. */
export class LoadAnnotationsStep extends BaseStep<FileContext> {
  readonly name: string = 'load_annotations';
  readonly progressWeight: number = 0.15;

  async execute(context: FileContext, signal: AbortSignal): Promise<StepResult> {
    const { file } = context.params;
    const isList = extname(file).toLowerCase() === LIST;
    const annotations = isList
      ? await readJson(file, z.array(entrySchema), signal)
      : linesOf(await readText(file, signal), file);
    context.annotations = annotations;
    return new StepResult({ data: { count: annotations.length } });
  }

  override rollback(context: FileContext): void {
    context.annotations = null;
  }
}

function linesOf(text: string, file: string): TaskAnnotation[] {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }));
  return lines
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => parseJson(line, entrySchema, `${file}, line ${number}`));
}

/** Checks that each task is one of the project, and named once, and lets the annotator check and change what is said of it. */
export class ProcessTasksStep extends BaseStep<FileContext> {
  readonly name: string = 'process_tasks';
  readonly progressWeight: number = 0.3;

  async execute(context: FileContext, signal: AbortSignal): Promise<StepResult> {
    const { annotator, params } = context;
    const waiting = byTask(needed(context.annotations, 'load_annotations'), params.file);
    const total = waiting.size;
    const taskData: TaskAnnotation[] = [];
    for await (const task of backendOf(context.runtimeCtx, 'tasks').tasks(params.project, signal)) {
      const annotation = waiting.get(task.id);
      if (!annotation) continue;
      signal.throwIfAborted();
      waiting.delete(task.id);
      const processed = await namingTask(task.id, () => annotator.processTask(task, annotation));
      taskData.push({ task: task.id, annotation: processed });
      context.setProgress(taskData.length, total);
    }
    if (waiting.size > 0) {
      const unknown = [...waiting.keys()].slice(0, 10).join(', ');
      const reason = `project ${params.project} has no task ${unknown}${waiting.size > 10 ? ', …' : ''}`;
      throw new FileError('FILE_INVALID', params.file, reason);
    }
    context.taskData = taskData;
    return new StepResult({ data: { count: total } });
  }

  override rollback(context: FileContext): void {
    context.taskData = null;
  }
}

function byTask(
  annotations: readonly TaskAnnotation[],
  file: string,
): Map<number, TaskAnnotation['annotation']> {
  const found = new Map<number, TaskAnnotation['annotation']>();
  for (const { task, annotation } of annotations) {
    if (found.has(task)) throw new FileError('FILE_INVALID', file, `task ${task} stands there twice`);
    found.set(task, annotation);
  }
  return found;
}
