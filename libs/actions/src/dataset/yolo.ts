import { basename } from 'node:path';
import { imageSizeFromFile } from 'image-size/fromFile';
import { z } from 'zod';
import { FileError } from '../files.js';
import type { DatasetConverter, ReadDataset } from './converter.js';
import type { Box, Dataset, DatasetAnnotation, DatasetImage } from './dataset.js';
import { categoriesSchema } from './dataset.js';
import type { DatasetFolder } from './dataset-folder.js';
import type { Loss } from './losses.js';
import { Losses } from './losses.js';

const CLASSES = 'classes.txt';
const SIZES = 'image_sizes.json';
const sizesSchema = z.record(z.string(), z.tuple([z.number().int().positive(), z.number().int().positive()]));

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * YOLO detection: `classes.txt` with a category per line, and for each image a file in `labels` with lines
 * `class x y width height`, where x and y are the centre of the box and all four are shares of the image's size. The sizes
 * come from the images in `images`, or from `image_sizes.json` (`{ "a.jpg": [width, height] }`), which is written too, as
 * a dataset without its images could not be read back.
 */
export const yoloConverter: DatasetConverter = {
  format: 'yolo',

  async read(folder: DatasetFolder, signal?: AbortSignal): Promise<ReadDataset> {
    const categories = await readClasses(folder, signal);
    const sizes = await sizesIn(folder, signal);
    const labels = new Set((await folder.list('labels')).filter((name) => name.endsWith('.txt')));
    checkLabels(
      sizes.map(([name]) => name),
      folder,
    );
    const images: DatasetImage[] = [];
    for (const [name, size] of sizes) {
      signal?.throwIfAborted();
      const { width, height } = await size();
      const label = labelOf(name);
      const file = folder.pathOf(`labels/${label}`);
      const text = labels.delete(label) ? await folder.readText(`labels/${label}`, signal) : '';
      images.push({
        name,
        width,
        height,
        annotations: parseLabels(text, { width, height }, categories, file),
      });
    }
    const [orphan] = labels;
    if (orphan !== undefined) {
      const reason = `no image of that name in 'images' or ${SIZES}, so its size is not known`;
      throw new FileError('FILE_INVALID', folder.pathOf(`labels/${orphan}`), reason);
    }
    return { dataset: { categories, images }, losses: [] };
  },

  async write(dataset: Dataset, folder: DatasetFolder, signal?: AbortSignal): Promise<readonly Loss[]> {
    const losses = new Losses();
    const { categories, images } = dataset;
    const numbers = new Map(categories.map((name, index) => [name, index]));
    await folder.writeText(CLASSES, categories.map((name) => `${name}\n`).join(''), signal);
    const sizes = Object.fromEntries(images.map(({ name, width, height }) => [name, [width, height]]));
    await folder.writeText(SIZES, `${JSON.stringify(sizes)}\n`, signal);
    checkLabels(
      images.map(({ name }) => name),
      folder,
    );
    for (const image of images) {
      const lines = image.annotations.map((annotation) => {
        noteLosses(annotation, image.name, losses);
        const shares = sharesOf(annotation.box, image, losses);
        return `${numbers.get(annotation.category) ?? 0} ${shares.join(' ')}\n`;
      });
      await folder.writeText(`labels/${labelOf(image.name)}`, lines.join(''), signal);
    }
    return losses.list();
  },
};

/** `a/b.jpg` has its boxes in `a/b.txt`. */
const labelOf = (image: string): string => `${image.replace(/\.[^./]*$/, '')}.txt`;

/** Refuses two images whose names differ only behind the last dot. */
function checkLabels(images: readonly string[], folder: DatasetFolder): void {
  const seen = new Map<string, string>();
  for (const image of images) {
    const label = labelOf(image);
    const other = seen.get(label);
    if (other !== undefined) {
      const reason = `it is that of two images, '${other}' and '${image}': give them different names`;
      throw new FileError('FILE_INVALID', folder.pathOf(`labels/${label}`), reason);
    }
    seen.set(label, image);
  }
}

async function readClasses(folder: DatasetFolder, signal?: AbortSignal): Promise<string[]> {
  const text = await folder.readText(CLASSES, signal);
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const parsed = categoriesSchema.safeParse(lines);
  if (parsed.success) return parsed.data;
  throw new FileError('FILE_INVALID', folder.pathOf(CLASSES), z.prettifyError(parsed.error));
}

/** For each image, by name, how to learn its size. */
async function sizesIn(
  folder: DatasetFolder,
  signal?: AbortSignal,
): Promise<[string, () => Promise<Size>][]> {
  const sizes = new Map<string, () => Promise<Size>>();
  for (const name of await folder.list('images')) {
    // Such as .DS_Store.
    if (basename(name).startsWith('.')) continue;
    const path = folder.pathOf(`images/${name}`);
    sizes.set(name, () =>
      imageSizeFromFile(path).catch((thrown: unknown) => {
        const reason = `it is no image whose size can be read: ${(thrown as Error).message}`;
        throw new FileError('FILE_INVALID', path, reason, { cause: thrown });
      }),
    );
  }
  if (await folder.has(SIZES)) {
    const written = await folder.readJson(SIZES, sizesSchema, signal);
    for (const [name, [width, height]] of Object.entries(written)) {
      folder.pathOf(`images/${name}`);
      sizes.set(name, async () => ({ width, height }));
    }
  }
  return [...sizes].sort(([a], [b]) => (a < b ? -1 : 1));
}

function parseLabels(
  text: string,
  { width, height }: Size,
  categories: readonly string[],
  file: string,
): DatasetAnnotation[] {
  const lines = text.split(/\r?\n/).map((line, index) => ({ line: line.trim(), number: index + 1 }));
  return lines
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => {
      const refuse = (reason: string) => new FileError('FILE_INVALID', `${file}, line ${number}`, reason);
      const fields = line.split(/\s+/);
      if (fields.length !== 5) {
        throw refuse(`it has ${fields.length} fields, and 'class x y width height' are 5`);
      }
      const values = fields.map((field) => (/^[-+.\deE]+$/.test(field) ? Number(field) : NaN));
      const [index = NaN, x = NaN, y = NaN, w = NaN, h = NaN] = values;
      const category = categories[index];
      if (category === undefined) throw refuse(`${CLASSES} has no class ${fields[0] ?? ''}`);
      if (![x, y, w, h].every((share) => share >= 0 && share <= 1)) {
        throw refuse('x, y, width and height must be numbers from 0 to 1');
      }
      const box = {
        x: (x - w / 2) * width,
        y: (y - h / 2) * height,
        width: w * width,
        height: h * height,
      };
      return { category, box, polygons: [], attributes: {} };
    });
}

function noteLosses({ polygons, attributes }: DatasetAnnotation, where: string, losses: Losses): void {
  if (polygons.length > 0) losses.add('annotation.polygons', where);
  for (const attribute of Object.keys(attributes)) losses.add(`annotation.attributes.${attribute}`, where);
}

/** What is outside the image is cut off: a share is from 0 to 1. */
function sharesOf({ x, y, width, height }: Box, image: DatasetImage, losses: Losses): number[] {
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  const [left, right] = [within(x, image.width), within(x + width, image.width)];
  const [top, bottom] = [within(y, image.height), within(y + height, image.height)];
  // What was computed from shares may be outside by a rounding error.
  const cut = [left - x, x + width - right, top - y, y + height - bottom].some((part) => part > 1e-6);
  if (cut) losses.add('annotation.box outside the image', image.name);
  return [
    (left + right) / 2 / image.width,
    (top + bottom) / 2 / image.height,
    (right - left) / image.width,
    (bottom - top) / image.height,
  ];
}
