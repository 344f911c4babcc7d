import { BaseStep, StepResult } from '@counterstep/steps';
import type { ImageProcessingContext } from './context.js';

/** Tells what was done. */
export class GenerateReportStep extends BaseStep<ImageProcessingContext> {
  readonly name = 'generate_report';
  readonly progressWeight = 0.2;

  override canSkip({ processedImages }: ImageProcessingContext): boolean {
    return processedImages.length === 0;
  }

  execute(context: ImageProcessingContext): StepResult {
    const report = {
      totalImages: context.imagePaths.length,
      processed: context.processedImages.length,
      failed: context.failedImages.length,
      bytesSaved: context.totalBytesSaved,
    };
    context.log('processing_complete', report);
    return new StepResult({ data: report });
  }
}
