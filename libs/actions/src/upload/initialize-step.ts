import { randomUUID } from 'node:crypto';
import { BaseStep, StepResult } from '@counterstep/steps';
import { backendOf, portOf } from '../runtime.js';
import type { UploadContext } from './upload-context.js';

/** Finds the storage, the project and the data collection, which must be one of the project's. */
export class UploadInitializeStep extends BaseStep<UploadContext> {
  readonly name: string = 'initialize';
  readonly progressWeight: number = 0.05;

  async execute(context: UploadContext, signal: AbortSignal): Promise<StepResult> {
    const { params, runtimeCtx } = context;
    const storage = portOf(runtimeCtx, 'storage');
    const backend = backendOf(runtimeCtx, 'uploads');
    const project = await backend.project(params.project, signal);
    const dataCollection = await backend.dataCollection(params.dataCollection, signal);
    if (dataCollection.projectId !== project.id) {
      const error = `data collection ${dataCollection.id} is of project ${dataCollection.projectId}, not of ${project.id}`;
      return new StepResult({ success: false, error });
    }
    const uploadId = randomUUID();
    Object.assign(context, { storage, project, dataCollection, uploadId });
    return new StepResult({ data: { uploadId, project: project.name, dataCollection: dataCollection.name } });
  }
}
