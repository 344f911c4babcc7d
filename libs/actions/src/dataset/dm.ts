import { once } from 'node:events';
import type { WriteStream } from 'node:fs';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import { fileErrorOf } from '../files.js';
import type { DatasetConverter, ReadDataset } from './converter.js';
import type { Dataset, DatasetImage } from './dataset.js';
import {
  boxSchema,
  categoriesSchema,
  checkDataset,
  datasetAnnotationSchema,
  datasetImageSchema,
} from './dataset.js';
import type { DatasetFolder } from './dataset-folder.js';

const FILE = 'dataset.json';

// Strict, as a field that is not known here would be lost in silence.
const annotationSchema = datasetAnnotationSchema.extend({ box: boxSchema.strict() }).strict();
const imageSchema = datasetImageSchema
  .extend({ annotations: z.array(annotationSchema).default([]) })
  .strict();
const fileSchema = z
  .strictObject({
    format: z.literal('dm'),
    version: z.literal(1),
    categories: categoriesSchema,
    images: z.array(imageSchema),
  })
  .superRefine(checkDataset);

/**
 * The plain JSON form, which holds everything that a `Dataset` has: `dataset.json` with `format: "dm"`, `version: 1`,
 * `categories` and `images`. See docs/guides/actions.md.
 */
export const dmConverter: DatasetConverter = {
  format: 'dm',

  async read(folder: DatasetFolder, signal?: AbortSignal): Promise<ReadDataset> {
    const { categories, images } = await folder.readJson(FILE, fileSchema, signal);
    return { dataset: { categories, images }, losses: [] };
  },

  async write(dataset: Dataset, folder: DatasetFolder): Promise<[]> {
    const writer = await DmWriter.open(folder, dataset.categories);
    for (const image of dataset.images) await writer.add(image);
    await writer.close();
    return [];
  },
};

/** Writes `dataset.json` image by image, so that a dataset need not fit into memory. */
export class DmWriter {
  #images = 0;
  #failed: unknown;

  private constructor(
    private readonly stream: WriteStream,
    private readonly path: string,
  ) {
    stream.on('error', (error) => (this.#failed = error));
  }

  /** @throws FileError `FILE_EXISTS`. */
  static async open(folder: DatasetFolder, categories: readonly string[]): Promise<DmWriter> {
    const writer = new DmWriter(
      createWriteStream(await folder.placeFor(FILE), { flags: 'wx' }),
      folder.pathOf(FILE),
    );
    await writer.#write(
      `{\n"format": "dm",\n"version": 1,\n"categories": ${JSON.stringify(categories)},\n"images": [`,
    );
    return writer;
  }

  async add({ name, width, height, annotations }: DatasetImage): Promise<void> {
    const image = JSON.stringify({ name, width, height, annotations: annotations.map(slim) });
    this.#images += 1;
    await this.#write(`${this.#images === 1 ? '' : ','}\n${image}`);
  }

  /** Resolves when the file is complete. */
  async close(): Promise<void> {
    this.stream.end('\n]\n}\n');
    await finished(this.stream).catch((thrown: unknown) => {
      throw fileErrorOf(thrown, this.path);
    });
  }

  /** Lets go of the file, complete or not. */
  async abandon(): Promise<void> {
    this.stream.destroy();
    if (!this.stream.closed) await finished(this.stream).catch(() => {});
  }

  async #write(text: string): Promise<void> {
    if (this.#failed !== undefined) throw fileErrorOf(this.#failed, this.path);
    if (this.stream.write(text)) return;
    await once(this.stream, 'drain').catch((thrown: unknown) => {
      throw fileErrorOf(thrown, this.path);
    });
  }
}

/** Without the fields that are empty. */
function slim({ category, box, polygons, attributes }: DatasetImage['annotations'][number]): object {
  return {
    category,
    box,
    ...(polygons.length > 0 ? { polygons } : {}),
    ...(Object.keys(attributes).length > 0 ? { attributes } : {}),
  };
}
