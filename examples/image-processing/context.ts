import type { RuntimeContext } from '@counterstep/steps';
import { BaseStepContext } from '@counterstep/steps';

/** What the steps share. */
export class ImageProcessingContext extends BaseStepContext {
  // Found by steps.
  imagePaths: string[] = [];
  processedImages: string[] = [];
  failedImages: string[] = [];
  /** Less than 0 when the results are larger than the originals. */
  totalBytesSaved = 0;

  constructor(
    runtime: RuntimeContext,
    // Given.
    readonly inputDir: string,
    readonly outputDir: string,
    /** Pixels. A narrower image keeps its size. */
    readonly resizeWidth: number,
  ) {
    super(runtime);
  }
}
