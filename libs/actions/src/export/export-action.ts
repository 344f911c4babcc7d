import type { StepRegistry, StepRunSummary } from '@counterstep/steps';
import type { z } from 'zod';
import { BaseAction } from '../base-action.js';
import { ConvertDataStep } from './convert-data-step.js';
import { ExportContext } from './export-context.js';
import type { Exporter } from './exporter.js';
import { FetchResultsStep } from './fetch-results-step.js';
import { ExportFinalizeStep } from './finalize-step.js';
import { ExportInitializeStep } from './initialize-step.js';
import type { ExportParams } from './export-params.js';
import { exportParamsSchema } from './export-params.js';
import { PrepareExportStep } from './prepare-export-step.js';
import { SaveFilesStep } from './save-files-step.js';
import type { ExportItem, TargetHandler } from './target-handler.js';
import { BackendTarget } from './target-handler.js';

/** What an export resolves with. */
export interface ExportSummary extends StepRunSummary {
  /** The folder of the export; null when no step made one. */
  readonly outputPath: string | null;
  readonly totalCount: number;
  readonly exportedCount: number;
  /** Items of which something could not be exported; `error_file_list.json` names them. */
  readonly failedCount: number;
}

/** An export whose steps are its own. Override the hooks that the built-in steps call. */
export abstract class BaseExportAction<Params extends ExportParams = ExportParams>
  extends BaseAction<Params, ExportContext, ExportSummary>
  implements Exporter
{
  override createContext(): ExportContext {
    return new ExportContext(this.ctx, this.params, this, this.targetHandlers());
  }

  beforeConvert(item: ExportItem, _context: ExportContext): Promise<ExportItem> | ExportItem {
    return item;
  }

  convertData(item: ExportItem, _context: ExportContext): Promise<ExportItem> | ExportItem {
    return item;
  }

  afterConvert(item: ExportItem, _context: ExportContext): Promise<ExportItem> | ExportItem {
    return item;
  }

  additionalFileSaving(_uniqueExportPath: string, _context: ExportContext): Promise<void> | void {}

  /** The targets that the parameters may name. */
  protected targetHandlers(): TargetHandler[] {
    return ['assignment', 'ground_truth', 'task'].map((target) => new BackendTarget(target));
  }

  /** For a run without the built-in `finalize`. */
  protected override async release({ convertedItems }: ExportContext): Promise<void> {
    await convertedItems?.remove();
  }

  protected override resultOf(context: ExportContext, summary: StepRunSummary): ExportSummary {
    const { outputPath, totalCount, exportedCount, failedCount } = context;
    return { ...summary, outputPath, totalCount, exportedCount, failedCount };
  }
}

/** An export with the six built-in steps. */
export class DefaultExportAction extends BaseExportAction {
  readonly paramsSchema: z.ZodType<ExportParams> = exportParamsSchema;

  override setupSteps(registry: StepRegistry<ExportContext>): void {
    registry
      .register(new ExportInitializeStep())
      .register(new FetchResultsStep())
      .register(new PrepareExportStep())
      .register(new ConvertDataStep())
      .register(new SaveFilesStep())
      .register(new ExportFinalizeStep());
  }
}
