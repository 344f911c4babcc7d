import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BaseStep, StepResult } from '@counterstep/steps';
import { needed } from '../needed.js';
import type { ExportContext } from './export-context.js';

/** What `finalize` keeps for its rollback. */
export interface ErrorListWritten {
  readonly errorFile: string;
}

/**
 * Calls the exporter's `additionalFileSaving`, writes `error_file_list.json` when something could not be exported, and removes
 * the file of converted items. Never skipped.
 */
export class ExportFinalizeStep extends BaseStep<ExportContext, ErrorListWritten> {
  readonly name: string = 'finalize';
  readonly progressWeight: number = 0.1;

  async execute(context: ExportContext, signal: AbortSignal): Promise<StepResult<ErrorListWritten>> {
    const folder = needed(context.uniqueExportPath, 'initialize');
    await context.exporter.additionalFileSaving(folder, context);
    signal.throwIfAborted();
    await context.convertedItems?.remove();
    const { errorsConvert: convert, errorsJson: json, errorsOriginal: original } = context;
    const failed = convert.length + json.length + original.length > 0;
    const errorFile = join(folder, 'error_file_list.json');
    if (failed) {
      const list = { convert, json, original };
      await writeFile(errorFile, `${JSON.stringify(list, null, 2)}\n`, { flag: 'wx' });
    }
    context.outputPath = folder;
    const { totalCount, exportedCount, failedCount } = context;
    context.log('export_finished', { outputPath: folder, totalCount, exportedCount, failedCount });
    return new StepResult({ data: { outputPath: folder }, rollbackData: failed ? { errorFile } : {} });
  }

  override async rollback(
    context: ExportContext,
    { rollbackData }: StepResult<ErrorListWritten>,
  ): Promise<void> {
    context.outputPath = null;
    if (rollbackData.errorFile !== undefined) await rm(rollbackData.errorFile, { force: true });
  }
}
