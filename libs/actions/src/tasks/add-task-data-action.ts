import type { StepRegistry, StepRunOptions, StepRunSummary } from '@counterstep/steps';
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

/** Putting back what there was takes its time. */
const GRACE_MS = 60_000;

/**
 * Adds annotations to the tasks of a project, from a file or by a model, as the parameter `method` says. A run that is stopped has
 * 60 s, unless `graceMs` says otherwise, to put back the annotations that it had replaced.
 */
export class AddTaskDataAction
  extends BaseAction<AddTaskDataParams, AddTaskDataContext, AddTaskDataSummary>
  implements Annotator
{
  readonly paramsSchema: z.ZodType<AddTaskDataParams> = addTaskDataParamsSchema;

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
    return new AddTaskDataContext(this.ctx, this.params, this);
  }

  override async run(options: StepRunOptions = {}): Promise<AddTaskDataSummary> {
    return super.run({ graceMs: GRACE_MS, ...options });
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

  protected override async release({ model }: AddTaskDataContext): Promise<void> {
    await model?.close?.();
  }

  protected override resultOf(
    { annotatedCount }: AddTaskDataContext,
    summary: StepRunSummary,
  ): AddTaskDataSummary {
    return { ...summary, annotatedCount };
  }
}
