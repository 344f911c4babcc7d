import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BaseStep, StepResult } from '@counterstep/steps';
import type { ImageProcessingContext } from './context.js';

/** Finds the images in the input folder. */
export class DiscoverImagesStep extends BaseStep<ImageProcessingContext> {
  readonly name = 'discover_images';
  readonly progressWeight = 0.1;

  async execute(context: ImageProcessingContext): Promise<StepResult> {
    const { inputDir, outputDir } = context;
    if (resolve(inputDir) === resolve(outputDir)) {
      return new StepResult({
        success: false,
        error: `${outputDir} has the originals: choose another folder`,
      });
    }
    const files = await readdir(inputDir);
    const images = files.filter((file) => /\.(jpe?g|png)$/i.test(file)).sort();
    if (images.length === 0) {
      return new StepResult({ success: false, error: `No images found in ${inputDir}` });
    }
    context.imagePaths = images.map((file) => join(inputDir, file));
    return new StepResult({ data: { imageCount: images.length } });
  }
}
