import { join } from 'node:path';
import { BaseStep, StepResult, reasonOf } from '@counterstep/steps';
import { needed } from '../needed.js';
import type { ExportContext } from './export-context.js';
import { Spool } from './spool.js';
import type { ExportItem } from './target-handler.js';

/**
 * Leads each item through the exporter's `beforeConvert`, `convertData` and `afterConvert`. One that throws is listed, and the
 * others go on; when all throw, the step fails. Skipped when there is nothing to export.
 */
export class ConvertDataStep extends BaseStep<ExportContext> {
  readonly name: string = 'convert_data';
  readonly progressWeight: number = 0.3;

  override canSkip({ totalCount }: ExportContext): boolean {
    return totalCount === 0;
  }

  async execute(context: ExportContext, signal: AbortSignal): Promise<StepResult> {
    const folder = needed(context.uniqueExportPath, 'initialize');
    const converted = new Spool<ExportItem>(join(folder, '.converted.ndjson'));
    try {
      const errors = await convertAll(context, converted, signal);
      const [first] = errors;
      if (first && converted.length === 0) {
        throw new Error(`no item could be converted; the first: ${first.name}: ${first.error}`);
      }
      context.errorsConvert = errors;
      context.convertedItems = converted;
      return new StepResult({ data: { converted: converted.length, failed: errors.length } });
    } catch (thrown) {
      await converted.remove();
      throw thrown;
    }
  }

  override async rollback(context: ExportContext): Promise<void> {
    const converted = context.convertedItems;
    Object.assign(context, { convertedItems: null, errorsConvert: [] });
    await converted?.remove();
  }
}

async function convertAll(
  context: ExportContext,
  converted: Spool<ExportItem>,
  signal: AbortSignal,
): Promise<ExportContext['errorsConvert']> {
  const errors: ExportContext['errorsConvert'] = [];
  const total = context.totalCount;
  let done = 0;
  for await (const item of needed(context.exportItems, 'prepare_export').until(signal)) {
    signal.throwIfAborted();
    try {
      await converted.add(await convert(item, context));
    } catch (thrown) {
      // A full disk is not the item's fault.
      if (converted.failed) throw thrown;
      errors.push({ id: item.id, name: item.name, error: reasonOf(thrown) });
    }
    done += 1;
    context.setProgress(done, Math.max(done, total));
  }
  await converted.close();
  context.setMetrics({ converted: converted.length, failed: errors.length });
  return errors;
}

async function convert(item: ExportItem, context: ExportContext): Promise<ExportItem> {
  const { exporter } = context;
  const before = await exporter.beforeConvert(item, context);
  const converted = await exporter.convertData(before, context);
  const after = await exporter.afterConvert(converted, context);
  if (JSON.stringify(after.data) === undefined) throw new TypeError('the converted data is not JSON');
  return after;
}
