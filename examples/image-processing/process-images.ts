import type { RuntimeContext } from '@counterstep/steps';
import { Orchestrator, StepExecutionError, StepRegistry } from '@counterstep/steps';
import { ImageProcessingContext } from './context.js';
import { DiscoverImagesStep } from './discover-images-step.js';
import { GenerateReportStep } from './generate-report-step.js';
import { ResizeImagesStep } from './resize-images-step.js';

export type Processed =
  | { readonly success: true; readonly processed: number; readonly failed: number }
  | { readonly success: false; readonly error: string; readonly errors: readonly string[] };

export interface ProcessImagesOptions {
  /** Pixels; default 800. */
  readonly resizeWidth?: number;
  readonly registry?: StepRegistry<ImageProcessingContext>;
  readonly signal?: AbortSignal;
}

export const imageSteps = (): StepRegistry<ImageProcessingContext> =>
  new StepRegistry<ImageProcessingContext>()
    .register(new DiscoverImagesStep())
    .register(new ResizeImagesStep())
    .register(new GenerateReportStep());

/** Resizes the images of a folder into another one. When it fails, the images it has written are gone again. */
export async function processImages(
  runtime: RuntimeContext,
  inputDir: string,
  outputDir: string,
  { resizeWidth = 800, registry = imageSteps(), signal }: ProcessImagesOptions = {},
): Promise<Processed> {
  const context = new ImageProcessingContext(runtime, inputDir, outputDir, resizeWidth);
  const onProgress = (current: number, total: number) => runtime.setProgress(current, total, 'overall');
  const orchestrator = new Orchestrator(registry, context, onProgress, signal ? { signal } : {});
  try {
    await orchestrator.execute();
    const { processedImages, failedImages } = context;
    return { success: true, processed: processedImages.length, failed: failedImages.length };
  } catch (thrown) {
    if (!(thrown instanceof StepExecutionError)) throw thrown;
    return { success: false, error: thrown.message, errors: context.errors };
  }
}
