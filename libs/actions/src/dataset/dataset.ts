import { z } from 'zod';
import { relativePathSchema } from '../files.js';

/** A rectangle in pixels; x and y are its upper left corner, counted from that of the image. */
export const boxSchema = z.object({
  x: z.number(),
  y: z.number(),
  width: z.number().nonnegative(),
  height: z.number().nonnegative(),
});

/** The corners of a polygon in pixels, x and y in turn. */
const polygonSchema = z
  .array(z.number())
  .min(6)
  .refine((numbers) => numbers.length % 2 === 0, 'must have an x and a y for each corner');

/** One thing in an image. */
export const datasetAnnotationSchema = z.object({
  category: z.string(),
  box: boxSchema,
  /** The outline, when it is known more precisely than the box. */
  polygons: z.array(polygonSchema).default([]),
  attributes: z.record(z.string(), z.json()).default({}),
});

export const datasetImageSchema = z.object({
  /** The path of the image below the dataset's folder `images`. */
  name: relativePathSchema,
  /** Pixels. */
  width: z.number().int().positive(),
  height: z.number().int().positive(),
  annotations: z.array(datasetAnnotationSchema).default([]),
});

/** The categories of a dataset, in an order that counts: some formats know them by their number. */
export const categoriesSchema = z
  .array(
    z
      .string()
      .min(1)
      .max(200)
      .refine((name) => name === name.trim() && !/[\r\n]/.test(name), 'must be one trimmed line'),
  )
  .refine((names) => new Set(names).size === names.length, 'must not name a category twice');

/** What every format is read into and written from. */
export const datasetSchema = z
  .object({ categories: categoriesSchema, images: z.array(datasetImageSchema) })
  .superRefine(checkDataset);

/** What no schema of a part can see. */
export function checkDataset({ categories, images }: Dataset, refusals: z.RefinementCtx): void {
  const known = new Set(categories);
  const names = new Set<string>();
  for (const { name, annotations } of images) {
    if (names.has(name)) {
      refusals.addIssue({ code: 'custom', message: `image '${name}' stands there twice` });
    }
    names.add(name);
    const unknown = annotations.find(({ category }) => !known.has(category));
    if (unknown) {
      const message = `image '${name}' has an annotation of the unknown category '${unknown.category}'`;
      refusals.addIssue({ code: 'custom', message });
    }
  }
}

export type Box = z.output<typeof boxSchema>;
export type DatasetAnnotation = z.output<typeof datasetAnnotationSchema>;
export type DatasetImage = z.output<typeof datasetImageSchema>;
export type Dataset = z.output<typeof datasetSchema>;
