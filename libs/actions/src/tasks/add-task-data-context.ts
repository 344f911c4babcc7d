import { BaseStepContext } from '@counterstep/steps';
import type { ActionRuntime } from '../runtime.js';
import type { AddTaskDataParams } from './add-task-data-params.js';
import type { Model } from './model.js';
import type { AnnotationData, Task } from './task-backend.js';

/** What is to be said of one task. */
export interface TaskAnnotation {
  readonly task: number;
  readonly annotation: AnnotationData;
}

/** What a model said of one task. */
export interface TaskPrediction {
  readonly task: Task;
  readonly prediction: AnnotationData;
}

type Awaitable<T> = Promise<T> | T;

/** What is particular to one kind of annotations. What throws fails its step; the message names the task. */
export interface Annotator {
  /** Method FILE: checks or changes what the file says of a task. */
  processTask(task: Task, annotation: AnnotationData): Awaitable<AnnotationData>;
  /** Method INFERENCE: what the model is given for a task. */
  inputOf(task: Task): unknown;
  /** Method INFERENCE: what is saved for what the model said. */
  formatResult(task: Task, prediction: AnnotationData, model: Model): Awaitable<AnnotationData>;
}

/** What the steps of `AddTaskDataAction` share. A field is null until its step has run. */
export class AddTaskDataContext<
  Params extends AddTaskDataParams = AddTaskDataParams,
> extends BaseStepContext {
  // validate_file
  fileBytes: number | null = null;
  // load_annotations: as the file has them.
  annotations: readonly TaskAnnotation[] | null = null;

  // load_model
  model: Model | null = null;
  // run_inference
  predictions: readonly TaskPrediction[] | null = null;

  // process_tasks, or format_results: what is to be saved.
  taskData: readonly TaskAnnotation[] | null = null;
  // upload_annotations
  annotatedCount = 0;

  constructor(
    override readonly runtimeCtx: ActionRuntime,
    readonly params: Params,
    readonly annotator: Annotator,
  ) {
    super(runtimeCtx);
  }
}
