import { BaseStepContext } from '@counterstep/steps';
import type { ActionRuntime } from '../runtime.js';
import type { ConverterRegistry } from './converter.js';
import type { DatasetHead } from './dataset-backend.js';
import type { DatasetParams } from './dataset-params.js';
import type { Loss } from './losses.js';

/** What the steps of `DatasetAction` share. A field is null until its step has run. */
export class DatasetContext<Params extends DatasetParams = DatasetParams> extends BaseStepContext {
  // export_dataset
  head: DatasetHead | null = null;
  exportedPath: string | null = null;
  // convert_dataset
  convertedPath: string | null = null;
  /** What the target format cannot hold, or the source has and a `Dataset` has not. */
  losses: readonly Loss[] = [];
  // Both
  /** Images whose file the source does not have. */
  missingImages = 0;
  imageCount = 0;
  annotationCount = 0;

  constructor(
    override readonly runtimeCtx: ActionRuntime,
    readonly params: Params,
    readonly converters: ConverterRegistry,
  ) {
    super(runtimeCtx);
  }
}
