import { BaseStep, StepResult } from '@counterstep/steps';
import { needed } from '../needed.js';
import { backendOf, portOf } from '../runtime.js';
import type { AddTaskDataContext, TaskAnnotation, TaskPrediction } from './add-task-data-context.js';
import type { InferenceParams } from './add-task-data-params.js';
import type { Model } from './model.js';
import { namingTask } from './naming-task.js';
import type { Task } from './task-backend.js';

type InferenceContext = AddTaskDataContext<InferenceParams>;

/** Loads the model. Rollback closes it; the action closes it when all went well. */
export class LoadModelStep extends BaseStep<InferenceContext> {
  readonly name: string = 'load_model';
  readonly progressWeight: number = 0.1;

  async execute(context: InferenceContext, signal: AbortSignal): Promise<StepResult> {
    context.model = await portOf(context.runtimeCtx, 'models').load(context.params.model, signal);
    return new StepResult({ data: { model: context.model.name } });
  }

  override async rollback(context: InferenceContext): Promise<void> {
    const { model } = context;
    context.model = null;
    await model?.close?.();
  }
}

/** Asks the model about each task, some at a time. */
export class RunInferenceStep extends BaseStep<InferenceContext> {
  readonly name: string = 'run_inference';
  readonly progressWeight: number = 0.5;

  async execute(context: InferenceContext, signal: AbortSignal): Promise<StepResult> {
    const { params, runtimeCtx, annotator } = context;
    const model = needed(context.model, 'load_model');
    const tasks = backendOf(runtimeCtx, 'tasks');
    const total = params.tasks?.length ?? (await tasks.countTasks(params.project, signal));
    const wanted = params.tasks ? new Set(params.tasks) : null;
    const predictions: TaskPrediction[] = [];
    for await (const batch of batchesOf(tasks.tasks(params.project, signal), wanted, params.batchSize)) {
      signal.throwIfAborted();
      const inputs = batch.map((task) => annotator.inputOf(task));
      predictions.push(...pair(batch, await model.predict(inputs, signal), model));
      context.setProgress(predictions.length, Math.max(total, predictions.length));
    }
    if (wanted && wanted.size > 0) {
      throw new Error(`project ${params.project} has no task ${[...wanted].slice(0, 10).join(', ')}`);
    }
    context.predictions = predictions;
    context.setMetrics({ predictions: predictions.length });
    return new StepResult({ data: { count: predictions.length } });
  }

  override rollback(context: InferenceContext): void {
    context.predictions = null;
  }
}

/** The tasks that are wanted (null: all), some at a time. Those found are taken from `wanted`. */
async function* batchesOf(
  tasks: AsyncIterable<Task>,
  wanted: Set<number> | null,
  size: number,
): AsyncIterable<Task[]> {
  let batch: Task[] = [];
  for await (const task of tasks) {
    if (wanted && !wanted.delete(task.id)) continue;
    batch.push(task);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function pair(
  batch: readonly Task[],
  answers: readonly TaskPrediction['prediction'][],
  model: Model,
): TaskPrediction[] {
  if (answers.length !== batch.length) {
    throw new Error(`model '${model.name}' made ${answers.length} predictions for ${batch.length} tasks`);
  }
  return batch.map((task, index) => ({ task, prediction: answers[index] ?? {} }));
}

/** Makes annotations of the predictions, as the annotator says. */
export class FormatResultsStep extends BaseStep<InferenceContext> {
  readonly name: string = 'format_results';
  readonly progressWeight: number = 0.1;

  async execute(context: InferenceContext, signal: AbortSignal): Promise<StepResult> {
    const model = needed(context.model, 'load_model');
    const taskData: TaskAnnotation[] = [];
    for (const { task, prediction } of needed(context.predictions, 'run_inference')) {
      signal.throwIfAborted();
      const annotation = await namingTask(task.id, () =>
        context.annotator.formatResult(task, prediction, model),
      );
      taskData.push({ task: task.id, annotation });
    }
    context.taskData = taskData;
    return new StepResult({ data: { count: taskData.length } });
  }

  override rollback(context: InferenceContext): void {
    context.taskData = null;
  }
}
