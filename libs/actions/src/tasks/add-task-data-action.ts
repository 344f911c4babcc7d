import type { StepRegistry, StepRunOptions, StepRunSummary } from '@counterstep/steps';
import { reasonOf } from '@counterstep/steps';
import type { z } from 'zod';
import { BaseAction } from '../base-action.js';
import type { Annotator } from './add-task-data-context.js';
import { AddTaskDataContext } from './add-task-data-context.js';
import type { AddTaskDataParams } from './add-task-data-params.js';
import { AddTaskDataMethod, addTaskDataParamsSchema } from './add-task-data-params.js';
import { LoadAnnotationsStep, ProcessTasksStep, ValidateFileStep } from './file-steps.js';
import { FormatResultsStep, LoadModelStep, RunInferenceStep } from './inference-steps.js';
import type { Model } from './model.js';
import type { AnnotationData, Task } from './task-backend.js';
import { UploadAnnotationsStep } from './upload-annotations-step.js';

/** What adding data to tasks resolves with. */
export interface AddTaskDataSummary extends StepRunSummary {
  /** Tasks that have got an annotation. */
  readonly annotatedCount: number;
}

/** Adds annotations to the tasks of a project, from a file or by a model, as the parameter `method` says. */
export class AddTaskDataAction
  extends BaseAction<AddTaskDataParams, AddTaskDataContext, AddTaskDataSummary>
  implements Annotator
{
  readonly paramsSchema: z.ZodType<AddTaskDataParams> = addTaskDataParamsSchema;
  #context: AddTaskDataContext | undefined;

  override setupSteps(registry: StepRegistry<AddTaskDataContext>): void {
    if (this.params.method === AddTaskDataMethod.FILE) {
      registry
        .register(new ValidateFileStep())
        .register(new LoadAnnotationsStep())
        .register(new ProcessTasksStep())
        .register(new UploadAnnotationsStep());
    } else {
      registry
        .register(new LoadModelStep())
        .register(new RunInferenceStep())
        .register(new FormatResultsStep())
        .register(new UploadAnnotationsStep(0.3));
    }
  }

  override createContext(): AddTaskDataContext {
    this.#context = new AddTaskDataContext(this.ctx, this.params, this);
    return this.#context;
  }

  override async execute(options: StepRunOptions = {}): Promise<AddTaskDataSummary> {
    try {
      return await super.execute(options);
    } finally {
      await this.#closeModel();
    }
  }

  processTask(_task: Task, annotation: AnnotationData): AnnotationData | Promise<AnnotationData> {
    return annotation;
  }

  inputOf(task: Task): unknown {
    return task.data;
  }

  formatResult(
    _task: Task,
    prediction: AnnotationData,
    model: Model,
  ): AnnotationData | Promise<AnnotationData> {
    return { ...prediction, model: model.name };
  }

  protected override resultOf(
    { annotatedCount }: AddTaskDataContext,
    summary: StepRunSummary,
  ): AddTaskDataSummary {
    return { ...summary, annotatedCount };
  }

  /** A model that does not close is no reason to fail: the annotations are saved. */
  async #closeModel(): Promise<void> {
    const model = this.#context?.model;
    try {
      await model?.close?.();
    } catch (thrown) {
      this.ctx.log('model_close_failed', { model: model?.name, error: reasonOf(thrown) });
    }
  }
}
