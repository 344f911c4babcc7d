import type { StepRegistry, StepRunSummary } from '@counterstep/steps';
import type { z } from 'zod';
import { BaseAction } from '../base-action.js';
import { CocoConverter } from './coco.js';
import { ConvertDatasetStep } from './convert-dataset-step.js';
import { ConverterRegistry } from './converter.js';
import { DatasetContext } from './dataset-context.js';
import type { DatasetParams } from './dataset-params.js';
import { DatasetOperation, datasetParamsSchema } from './dataset-params.js';
import { dmConverter } from './dm.js';
import { ExportDatasetStep } from './export-dataset-step.js';
import type { Loss } from './losses.js';
import { yoloConverter } from './yolo.js';

/** What an operation on a dataset resolves with. */
export interface DatasetSummary extends StepRunSummary {
  /** The folder with the dataset. */
  readonly path: string | null;
  readonly format: string;
  readonly imageCount: number;
  readonly annotationCount: number;
  readonly losses: readonly Loss[];
  /** Images whose file was not there. */
  readonly missingImages: number;
}

/**
 * Exports a dataset of the backend, or converts one between formats. A dataset of the backend that is to be converted is
 * exported first; both are kept.
 */
export class DatasetAction extends BaseAction<DatasetParams, DatasetContext, DatasetSummary> {
  readonly paramsSchema: z.ZodType<DatasetParams> = datasetParamsSchema;

  /** @throws ActionError `UNKNOWN_FORMAT`, before anything is done. */
  override setupSteps(registry: StepRegistry<DatasetContext>): void {
    const { params } = this;
    if (params.dataset !== undefined) registry.register(new ExportDatasetStep());
    if (params.operation === DatasetOperation.EXPORT) return;
    const converters = this.converters();
    for (const format of [params.sourceFormat, params.targetFormat]) converters.get(format);
    registry.register(new ConvertDatasetStep());
  }

  override createContext(): DatasetContext {
    return new DatasetContext(this.ctx, this.params, this.converters());
  }

  /** The formats. Override it to add your own. */
  protected converters(): ConverterRegistry {
    return new ConverterRegistry([dmConverter, new CocoConverter(), yoloConverter]);
  }

  protected override resultOf(context: DatasetContext, summary: StepRunSummary): DatasetSummary {
    const { params, exportedPath, convertedPath, losses, missingImages, imageCount, annotationCount } =
      context;
    const format = params.operation === DatasetOperation.EXPORT ? 'dm' : params.targetFormat;
    const path = convertedPath ?? exportedPath;
    return { ...summary, path, format, imageCount, annotationCount, losses, missingImages };
  }
}
