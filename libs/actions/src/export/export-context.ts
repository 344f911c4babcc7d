import { BaseStepContext } from '@counterstep/steps';
import type { ActionRuntime } from '../runtime.js';
import type { Storage } from '../storage.js';
import type { Project } from '../upload/upload-backend.js';
import type { ExportRecord } from './export-backend.js';
import type { Exporter } from './exporter.js';
import type { ExportParams } from './export-params.js';
import type { Source } from './source.js';
import type { Spool } from './spool.js';
import type { ExportItem, TargetHandler } from './target-handler.js';

/** An item, or a file of it, that could not be exported. */
export interface ExportFailure {
  readonly id: ExportItem['id'];
  /** The name of the item or file. */
  readonly name: string;
  readonly error: string;
}

/** The local folders of one export. */
export interface OutputPaths {
  /** For the data, a JSON file per item. */
  readonly json: string;
  /** For the original files. */
  readonly originFiles: string;
}

/** What the steps of an export share. A field is null until the step that it names has run. */
export class ExportContext extends BaseStepContext {
  // initialize. There is no storage when no original files are saved.
  storage: Storage | null = null;
  pathRoot: string | null = null;
  uniqueExportPath: string | null = null;
  outputPaths: OutputPaths | null = null;

  // fetch_results. The results are fetched as they are read, each time anew.
  handler: TargetHandler | null = null;
  results: Source<ExportRecord> | null = null;
  totalCount = 0;

  // prepare_export. The items are made of the results as they are read.
  exportParams: Readonly<Record<string, unknown>> | null = null;
  configuration: Project['configuration'] | null = null;
  projectId: number | null = null;
  exportItems: Source<ExportItem> | null = null;

  // convert_data. The items are in a file: they can be read again, until finalize or the end of the run removes it.
  convertedItems: Spool<ExportItem> | null = null;
  errorsConvert: ExportFailure[] = [];

  // save_files. An item has failed when its data or one of its files has, or its conversion.
  errorsJson: ExportFailure[] = [];
  errorsOriginal: ExportFailure[] = [];
  exportedCount = 0;
  failedCount = 0;

  // finalize
  outputPath: string | null = null;

  constructor(
    override readonly runtimeCtx: ActionRuntime,
    readonly params: ExportParams,
    readonly exporter: Exporter,
    readonly handlers: readonly TargetHandler[],
  ) {
    super(runtimeCtx);
  }
}
