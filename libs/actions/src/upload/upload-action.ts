import type { BaseStepContext, StepRegistry, StepRunOptions, StepRunSummary } from '@counterstep/steps';
import type { z } from 'zod';
import { BaseAction } from '../base-action.js';
import { ActionError } from '../errors.js';
import { AnalyzeCollectionStep } from './analyze-collection-step.js';
import { GenerateDataUnitsStep } from './generate-data-units-step.js';
import { UploadInitializeStep } from './initialize-step.js';
import { OrganizeFilesStep } from './organize-files-step.js';
import { ProcessMetadataStep } from './process-metadata-step.js';
import type { DataUnit } from './upload-backend.js';
import type { MetadataResult } from './upload-context.js';
import { UploadContext } from './upload-context.js';
import { UploadFilesStep } from './upload-files-step.js';
import type { UploadParams } from './upload-params.js';
import { uploadParamsSchema } from './upload-params.js';
import { ValidateFilesStep } from './validate-files-step.js';

/** What an upload resolves with. */
export interface UploadSummary extends StepRunSummary {
  readonly uploadedCount: number;
  readonly uploadedBytes: number;
  readonly dataUnits: readonly DataUnit[];
  /** Null when there was none. */
  readonly metadata: MetadataResult | null;
}

/** With a context of one's own: the summary of the run. */
export type UploadResult<C extends BaseStepContext> = C extends UploadContext
  ? UploadSummary
  : StepRunSummary;

/** Deleting what was uploaded takes its time. */
const GRACE_MS = 60_000;

/**
 * An upload with the seven built-in steps. An action with a context `C` of its own overrides both `setupSteps` and `createContext`,
 * and resolves with the summary of its run. A run that is stopped has 60 s, unless `graceMs` says otherwise, to
 * delete what it had uploaded.
 */
export abstract class BaseUploadAction<
  Params extends object = UploadParams,
  C extends BaseStepContext = UploadContext,
> extends BaseAction<Params, C, UploadResult<C>> {
  override setupSteps(registry: StepRegistry<C>): void {
    // Whoever has another context overrides this.
    (registry as unknown as StepRegistry<UploadContext>)
      .register(new UploadInitializeStep())
      .register(new ValidateFilesStep())
      .register(new AnalyzeCollectionStep())
      .register(new OrganizeFilesStep())
      .register(new GenerateDataUnitsStep())
      .register(new UploadFilesStep())
      .register(new ProcessMetadataStep());
  }

  /** @throws ActionError `NO_CONTEXT` when the parameters are none of an upload: then it is to be overridden. */
  override createContext(): C {
    const params: unknown = this.params;
    if (!isUploadParams(params)) {
      const reason = 'its parameters are not those of uploadParamsSchema, so it must define createContext()';
      throw new ActionError('NO_CONTEXT', `${this.constructor.name}: ${reason}.`);
    }
    return new UploadContext(this.ctx, params) as BaseStepContext as C;
  }

  override async run(options: StepRunOptions = {}): Promise<UploadResult<C>> {
    return super.run({ graceMs: GRACE_MS, ...options });
  }

  protected override async release(context: C): Promise<void> {
    if (context instanceof UploadContext) await context.removeWorkFolder();
  }

  protected override resultOf(context: C, summary: StepRunSummary): UploadResult<C> {
    const result = context instanceof UploadContext ? { ...summary, ...uploaded(context) } : summary;
    return result as UploadResult<C>;
  }
}

/** The upload as it is, without changes. */
export class UploadAction extends BaseUploadAction {
  readonly paramsSchema: z.ZodType<UploadParams> = uploadParamsSchema;
}

function uploaded({
  uploadedFiles,
  createdUnits,
  metadataResult,
}: UploadContext): Omit<UploadSummary, keyof StepRunSummary> {
  return {
    uploadedCount: uploadedFiles.length,
    uploadedBytes: uploadedFiles.reduce((sum, { size }) => sum + size, 0),
    dataUnits: createdUnits,
    metadata: metadataResult,
  };
}

const isUploadParams = (params: unknown): params is UploadParams =>
  typeof params === 'object' && params !== null && 'dataCollection' in params && 'maxFileBytes' in params;
