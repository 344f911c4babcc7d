import { z } from 'zod';
import { FileError, relativePathSchema } from '../files.js';
import type { DatasetConverter, ReadDataset } from './converter.js';
import type { Dataset, DatasetImage } from './dataset.js';
import { datasetSchema } from './dataset.js';
import type { DatasetFolder } from './dataset-folder.js';
import type { Loss } from './losses.js';
import { Losses } from './losses.js';

const idSchema = z.union([z.number().int(), z.string()]);

const cocoSchema = z.looseObject({
  images: z.array(
    z.looseObject({
      id: idSchema,
      file_name: relativePathSchema,
      width: z.number().int().positive(),
      height: z.number().int().positive(),
    }),
  ),
  categories: z.array(z.looseObject({ id: idSchema, name: z.string().min(1) })),
  annotations: z
    .array(
      z.looseObject({
        id: idSchema,
        image_id: idSchema,
        category_id: idSchema,
        bbox: z.tuple([z.number(), z.number(), z.number().nonnegative(), z.number().nonnegative()]),
      }),
    )
    .default([]),
});

type Coco = z.output<typeof cocoSchema>;
type CocoAnnotation = Coco['annotations'][number];

const KNOWN = {
  file: new Set(['images', 'categories', 'annotations']),
  image: new Set(['id', 'file_name', 'width', 'height']),
  category: new Set(['id', 'name']),
  // The area can be computed, and iscrowd and segmentation are looked at one by one.
  annotation: new Set(['id', 'image_id', 'category_id', 'bbox', 'area', 'iscrowd', 'segmentation']),
};

/**
 * COCO object detection: one JSON file, `annotations.json` unless another is named, with boxes `[x, y, width, height]` in
 * pixels.
 */
export class CocoConverter implements DatasetConverter {
  readonly format = 'coco';
  constructor(private readonly file = 'annotations.json') {}

  async read(folder: DatasetFolder, signal?: AbortSignal): Promise<ReadDataset> {
    const coco = await folder.readJson(this.file, cocoSchema, signal);
    return datasetOfCoco(coco, folder.pathOf(this.file));
  }

  async write(dataset: Dataset, folder: DatasetFolder, signal?: AbortSignal): Promise<readonly Loss[]> {
    const { coco, losses } = cocoOf(dataset);
    await folder.writeText(this.file, `${JSON.stringify(coco)}\n`, signal);
    return losses;
  }
}

function datasetOfCoco(coco: Coco, file: string): ReadDataset {
  const losses = new Losses();
  const refuse = (reason: string) => new FileError('FILE_INVALID', file, reason);
  losses.addUnknownFields(coco, KNOWN.file, 'file', file);

  const categories = new Map<string | number, string>();
  for (const category of coco.categories) {
    if (categories.has(category.id)) throw refuse(`two categories have the id ${category.id}`);
    categories.set(category.id, category.name);
    losses.addUnknownFields(category, KNOWN.category, 'category', category.name);
  }
  const images = new Map<string | number, DatasetImage>();
  for (const image of coco.images) {
    if (images.has(image.id)) throw refuse(`two images have the id ${image.id}`);
    const { file_name: name, width, height } = image;
    images.set(image.id, { name, width, height, annotations: [] });
    losses.addUnknownFields(image, KNOWN.image, 'image', name);
  }
  for (const annotation of coco.annotations) {
    const { id, image_id, category_id, bbox } = annotation;
    const image = images.get(image_id);
    const category = categories.get(category_id);
    if (!image) throw refuse(`annotation ${id} is of image ${image_id}, which is not there`);
    if (category === undefined) {
      throw refuse(`annotation ${id} is of category ${category_id}, which is not there`);
    }
    const where = `annotation ${id} of ${image.name}`;
    losses.addUnknownFields(annotation, KNOWN.annotation, 'annotation', where);
    if (annotation['iscrowd'] === 1) losses.add('annotation.iscrowd', where);
    const [x, y, width, height] = bbox;
    const polygons = polygonsOf(annotation, losses, where);
    image.annotations.push({ category, box: { x, y, width, height }, polygons, attributes: {} });
  }
  const dataset = datasetSchema.safeParse({
    categories: [...categories.values()],
    images: [...images.values()],
  });
  if (!dataset.success) throw refuse(z.prettifyError(dataset.error));
  return { dataset: dataset.data, losses: losses.list() };
}

/** Polygons only: a mask that is run-length encoded has no corners. */
function polygonsOf({ segmentation }: CocoAnnotation, losses: Losses, where: string): number[][] {
  if (segmentation === undefined || segmentation === null) return [];
  const polygons = z.array(z.array(z.number())).safeParse(segmentation);
  if (polygons.success) return polygons.data;
  losses.add('annotation.segmentation', where);
  return [];
}

function cocoOf({ categories, images }: Dataset): { coco: object; losses: Loss[] } {
  const losses = new Losses();
  const numbers = new Map(categories.map((name, index) => [name, index + 1]));
  const annotations: object[] = [];
  for (const [index, { name, annotations: found }] of images.entries()) {
    for (const { category, box, polygons, attributes } of found) {
      for (const attribute of Object.keys(attributes)) losses.add(`annotation.attributes.${attribute}`, name);
      const { x, y, width, height } = box;
      annotations.push({
        id: annotations.length + 1,
        image_id: index + 1,
        category_id: numbers.get(category),
        bbox: [x, y, width, height],
        area: width * height,
        iscrowd: 0,
        segmentation: polygons,
      });
    }
  }
  const coco = {
    images: images.map(({ name, width, height }, index) => ({
      id: index + 1,
      file_name: name,
      width,
      height,
    })),
    categories: categories.map((name, index) => ({ id: index + 1, name })),
    annotations,
  };
  return { coco, losses: losses.list() };
}
