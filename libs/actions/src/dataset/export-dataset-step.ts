import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BaseStep, StepResult } from '@counterstep/steps';
import { BackendError } from '../backend/errors.js';
import type { MadeFolder } from '../files.js';
import { makeFolder, removeFolder } from '../files.js';
import { inParallel } from '../parallel.js';
import { backendOf, portOf } from '../runtime.js';
import type { Storage } from '../storage.js';
import type { StoredImage } from './dataset-backend.js';
import type { DatasetContext } from './dataset-context.js';
import { DatasetFolder } from './dataset-folder.js';
import { DmWriter } from './dm.js';

/**
 * Brings a dataset of the backend to the local folder `OUTPUT/dm`, in the plain JSON form, with its images. Neither the list
 * nor an image is held in memory as a whole.
 */
export class ExportDatasetStep extends BaseStep<DatasetContext, MadeFolder> {
  readonly name: string = 'export_dataset';
  readonly progressWeight: number;

  constructor(progressWeight = 0.6) {
    super();
    this.progressWeight = progressWeight;
  }

  async execute(context: DatasetContext, signal: AbortSignal): Promise<StepResult<MadeFolder>> {
    const { dataset: id, output } = context.params;
    if (id === undefined)
      return new StepResult({ success: false, error: 'no dataset of the backend is named' });
    const head = await backendOf(context.runtimeCtx, 'datasets').dataset(id, signal);
    const made = await makeFolder(join(resolve(output), 'dm'));
    try {
      const download = new Download(context, new DatasetFolder(made.own), head.imageCount, signal);
      const counts = await download.run(id, head.categories);
      Object.assign(context, { head, exportedPath: made.own, ...counts });
      return new StepResult({ data: counts, rollbackData: made });
    } catch (thrown) {
      await removeFolder(made);
      throw thrown;
    }
  }

  override async rollback(context: DatasetContext, { rollbackData }: StepResult<MadeFolder>): Promise<void> {
    const counts: Counts = { imageCount: 0, annotationCount: 0, missingImages: 0 };
    Object.assign(context, { head: null, exportedPath: null, ...counts });
    const { own, above = [] } = rollbackData;
    if (own !== undefined) await removeFolder({ own, above });
  }
}

type Counts = Pick<DatasetContext, 'annotationCount' | 'imageCount' | 'missingImages'>;

class Download {
  readonly #storage: Storage | null;
  readonly #counts = { imageCount: 0, annotationCount: 0, missingImages: 0 };
  #done = 0;

  constructor(
    private readonly context: DatasetContext,
    private readonly folder: DatasetFolder,
    private readonly total: number,
    private readonly signal: AbortSignal,
  ) {
    this.#storage = context.params.images ? portOf(context.runtimeCtx, 'storage') : null;
  }

  async run(id: number, categories: readonly string[]): Promise<Counts> {
    const writer = await DmWriter.open(this.folder, categories);
    try {
      const images = this.#listed(id, new Set(categories), writer);
      await inParallel(images, this.context.params.parallelism, async (image) => this.#fetch(image));
      await writer.close();
    } finally {
      await writer.abandon();
    }
    return this.#counts;
  }

  /** Writes each image into the list, in their order, and passes it on. */
  async *#listed(id: number, categories: ReadonlySet<string>, writer: DmWriter): AsyncIterable<StoredImage> {
    const names = new Set<string>();
    for await (const image of backendOf(this.context.runtimeCtx, 'datasets').images(id, this.signal)) {
      check(image, names, categories);
      await writer.add(image);
      this.#counts.imageCount += 1;
      this.#counts.annotationCount += image.annotations.length;
      yield image;
    }
  }

  async #fetch({ name, key }: StoredImage): Promise<void> {
    this.signal.throwIfAborted();
    if (this.#storage && key !== null) {
      const path = await this.folder.placeFor(`images/${name}`);
      const content = await this.#storage.read(key, this.signal);
      await pipeline(content, createWriteStream(path, { flags: 'wx' }), { signal: this.signal });
    } else if (this.#storage) {
      this.#counts.missingImages += 1;
    }
    this.#done += 1;
    this.context.setProgress(this.#done, Math.max(this.#done, this.total));
    this.context.setMetrics({ images: this.#done, waiting: Math.max(0, this.total - this.#done) });
  }
}

/** What would make a list that cannot be read. */
function check(
  { name, annotations }: StoredImage,
  names: Set<string>,
  categories: ReadonlySet<string>,
): void {
  const refuse = (reason: string) =>
    new BackendError('BACKEND_BAD_ANSWER', `the dataset's image '${name}' ${reason}`);
  if (names.has(name)) throw refuse('stands there twice');
  names.add(name);
  const unknown = annotations.find(({ category }) => !categories.has(category));
  if (unknown) throw refuse(`has the unknown category '${unknown.category}'`);
}
