import type { ExportContext } from './export-context.js';
import type { ExportItem } from './target-handler.js';

type Awaitable<T> = Promise<T> | T;

/**
 * What is particular to one kind of export. An item passes through the first three in their order; one that throws has failed,
 * is listed, and the others go on.
 */
export interface Exporter {
  beforeConvert(item: ExportItem, context: ExportContext): Awaitable<ExportItem>;
  convertData(item: ExportItem, context: ExportContext): Awaitable<ExportItem>;
  afterConvert(item: ExportItem, context: ExportContext): Awaitable<ExportItem>;
  /** Writes what else belongs into the export's folder, when all items are saved. If it throws, the export fails. */
  additionalFileSaving(uniqueExportPath: string, context: ExportContext): Awaitable<void>;
}
