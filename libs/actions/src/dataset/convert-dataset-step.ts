import { constants } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BaseStep, StepResult } from '@counterstep/steps';
import type { MadeFolder } from '../files.js';
import { fileErrorOf, makeFolder, removeFolder } from '../files.js';
import { needed } from '../needed.js';
import { inParallel } from '../parallel.js';
import type { Dataset } from './dataset.js';
import type { DatasetContext } from './dataset-context.js';
import { DatasetFolder } from './dataset-folder.js';
import type { ConvertDatasetParams } from './dataset-params.js';
import type { Loss } from './losses.js';

type ConvertContext = DatasetContext<ConvertDatasetParams>;

/**
 * Reads a dataset in one format, the exported one if there is one, and writes it in another to `OUTPUT/FORMAT`, with its
 * images. What the target cannot hold is in the context's `losses`, and logged. The annotations are in memory, the images not.
 */
export class ConvertDatasetStep extends BaseStep<ConvertContext, MadeFolder> {
  readonly name: string = 'convert_dataset';
  readonly progressWeight: number;

  constructor(progressWeight = 0.4) {
    super();
    this.progressWeight = progressWeight;
  }

  async execute(context: ConvertContext, signal: AbortSignal): Promise<StepResult<MadeFolder>> {
    const { params, converters, exportedPath } = context;
    const reader = converters.get(exportedPath === null ? params.sourceFormat : 'dm');
    const writer = converters.get(params.targetFormat);
    const source = new DatasetFolder(
      exportedPath ?? resolve(needed(params.source ?? null, 'export_dataset')),
    );
    const { dataset, losses: unread } = await reader.read(source, signal);
    signal.throwIfAborted();
    const made = await makeFolder(join(resolve(params.output), params.targetFormat));
    try {
      const target = new DatasetFolder(made.own);
      const unwritten = await writer.write(dataset, target, signal);
      const missingImages = params.images ? await copyImages(dataset, source, target, context, signal) : 0;
      const losses = [...unread, ...unwritten];
      tellLosses(context, losses);
      const imageCount = dataset.images.length;
      const annotationCount = dataset.images.reduce((sum, { annotations }) => sum + annotations.length, 0);
      Object.assign(context, {
        convertedPath: made.own,
        losses,
        missingImages,
        imageCount,
        annotationCount,
      });
      const data = { imageCount, annotationCount, missingImages, losses };
      return new StepResult({ data, rollbackData: made });
    } catch (thrown) {
      await removeFolder(made);
      throw thrown;
    }
  }

  override async rollback(context: ConvertContext, { rollbackData }: StepResult<MadeFolder>): Promise<void> {
    Object.assign(context, { convertedPath: null, losses: [], missingImages: 0 });
    const { own, above = [] } = rollbackData;
    if (own !== undefined) await removeFolder({ own, above });
  }
}

function tellLosses(context: ConvertContext, losses: readonly Loss[]): void {
  for (const loss of losses) context.log('dataset_loss', { ...loss });
}

/** Resolves with the number of images that are not there. */
async function copyImages(
  { images }: Dataset,
  source: DatasetFolder,
  target: DatasetFolder,
  context: ConvertContext,
  signal: AbortSignal,
): Promise<number> {
  let done = 0;
  let missing = 0;
  await inParallel(images, context.params.parallelism, async ({ name }) => {
    signal.throwIfAborted();
    const file = `images/${name}`;
    if (await source.has(file)) await copy(source.pathOf(file), target.pathOf(file));
    else missing += 1;
    done += 1;
    context.setProgress(done, images.length);
    context.setMetrics({ images: done, missing });
  });
  return missing;
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE).catch((thrown: unknown) => {
    throw fileErrorOf(thrown, from);
  });
}
