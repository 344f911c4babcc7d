import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BaseStep, StepResult, reasonOf } from '@counterstep/steps';
import { Jimp } from 'jimp';
import type { ImageProcessingContext } from './context.js';

interface Made {
  readonly outputFiles: readonly string[];
}

/** Resizes each image into the output folder. One that is broken is counted, and the others go on. */
export class ResizeImagesStep extends BaseStep<ImageProcessingContext, Made> {
  readonly name = 'resize_images';
  readonly progressWeight = 0.7;

  async execute(context: ImageProcessingContext, signal: AbortSignal): Promise<StepResult<Made>> {
    const { imagePaths, outputDir, resizeWidth } = context;
    const processed: string[] = [];
    const failed: string[] = [];
    let bytesSaved = 0;
    await mkdir(outputDir, { recursive: true });
    try {
      for (const [index, path] of imagePaths.entries()) {
        signal.throwIfAborted();
        try {
          const { output, saved } = await resize(path, outputDir, resizeWidth);
          processed.push(output);
          bytesSaved += saved;
        } catch (thrown) {
          failed.push(path);
          context.log('resize_failed', { path, error: reasonOf(thrown) });
        }
        context.setProgress(index + 1, imagePaths.length);
      }
    } catch (thrown) {
      await remove(processed);
      throw thrown;
    }
    context.processedImages = processed;
    context.failedImages = failed;
    context.totalBytesSaved = bytesSaved;
    return new StepResult({
      data: { processed: processed.length, failed: failed.length, bytesSaved },
      rollbackData: { outputFiles: processed },
    });
  }

  override async rollback(_: ImageProcessingContext, { rollbackData }: StepResult<Made>): Promise<void> {
    await remove(rollbackData.outputFiles ?? []);
  }
}

async function resize(
  path: string,
  outputDir: string,
  width: number,
): Promise<{ output: string; saved: number }> {
  const image = await Jimp.read(path);
  if (image.width > width) image.resize({ w: width });
  const bytes = await image.getBuffer(/\.png$/i.test(path) ? 'image/png' : 'image/jpeg');
  const output = join(outputDir, basename(path));
  // Refuses to write over what is there: the rollback would delete it.
  await writeFile(output, bytes, { flag: 'wx' });
  return { output, saved: (await stat(path)).size - bytes.length };
}

async function remove(files: readonly string[]): Promise<void> {
  for (const file of files) await rm(file, { force: true });
}
