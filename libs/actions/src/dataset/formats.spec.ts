import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CocoConverter } from './coco.js';
import type { DatasetConverter } from './converter.js';
import { ConverterRegistry } from './converter.js';
import type { Dataset } from './dataset.js';
import { DatasetFolder } from './dataset-folder.js';
import { dmConverter } from './dm.js';
import { yoloConverter } from './yolo.js';

const coco = new CocoConverter();
let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'formats-'));
});
afterEach(() => rm(root, { recursive: true }));

let folders = 0;
const newFolder = () => new DatasetFolder(join(root, String((folders += 1))));

const name = fc.stringMatching(/^[a-z]{1,6}$/);
const coordinate = fc.double({ min: 0, max: 0.5, noNaN: true });

/** A box inside an image of this size. */
const box = (width: number, height: number) =>
  fc.record({ x: coordinate, y: coordinate, width: coordinate, height: coordinate }).map((share) => ({
    x: share.x * width,
    y: share.y * height,
    width: share.width * width,
    height: share.height * height,
  }));

const anyDataset: fc.Arbitrary<Dataset> = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 4 })
  .map((names) => names.map((one) => `c${one.replace(/\s/g, '_')}c`))
  .filter((names) => new Set(names).size === names.length)
  .chain((categories) => {
    const image = fc
      .record({
        folder: name,
        width: fc.integer({ min: 1, max: 5_000 }),
        height: fc.integer({ min: 1, max: 5_000 }),
      })
      .chain(({ folder, width, height }) =>
        fc.record({
          name: name.map((file) => `${folder}/${file}.jpg`),
          width: fc.constant(width),
          height: fc.constant(height),
          annotations: fc.array(
            fc.record({
              category: fc.constantFrom(...categories),
              box: box(width, height),
              polygons: fc.array(
                fc.array(fc.nat(999), { minLength: 3, maxLength: 4 }).map((xs) => [...xs, ...xs]),
                {
                  maxLength: 2,
                },
              ),
              attributes: fc.dictionary(name, fc.oneof(fc.string(), fc.integer(), fc.boolean())),
            }),
            { maxLength: 3 },
          ),
        }),
      );
    return fc.record({
      categories: fc.constant(categories),
      images: fc.uniqueArray(image, { maxLength: 4, selector: (one) => one.name }),
    });
  });

/** What a dataset becomes in a format that has only boxes, or boxes and polygons. */
const without = (dataset: Dataset, fields: ('attributes' | 'polygons')[]): Dataset => ({
  ...dataset,
  images: dataset.images.map((image) => ({
    ...image,
    annotations: image.annotations.map((annotation) => ({
      ...annotation,
      ...(fields.includes('attributes') ? { attributes: {} } : {}),
      ...(fields.includes('polygons') ? { polygons: [] } : {}),
    })),
  })),
});

/** The same with numbers rounded, images in one order. */
const rounded = ({ categories, images }: Dataset): unknown =>
  JSON.parse(
    JSON.stringify(
      { categories, images: images.toSorted((a, b) => (a.name < b.name ? -1 : 1)) },
      (_, value: unknown) => (typeof value === 'number' ? Math.round(value * 1e6) / 1e6 + 0 : value),
    ),
  );

/** What the target should name as lost. */
function expectedLosses(dataset: Dataset, fields: ('attributes' | 'polygons')[]): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  for (const { polygons, attributes } of dataset.images.flatMap((image) => image.annotations)) {
    if (fields.includes('polygons') && polygons.length > 0) add('annotation.polygons');
    if (fields.includes('attributes'))
      for (const key of Object.keys(attributes)) add(`annotation.attributes.${key}`);
  }
  return counts;
}

const cases: [DatasetConverter, ('attributes' | 'polygons')[]][] = [
  [dmConverter, []],
  [coco, ['attributes']],
  [yoloConverter, ['attributes', 'polygons']],
];

describe.each(cases)('%#: a dataset written and read again', (converter, lost) => {
  test(`is the same in ${converter.format}, but for what is named as lost`, async () => {
    await fc.assert(
      fc.asyncProperty(anyDataset, async (dataset) => {
        const folder = newFolder();
        const losses = await converter.write(dataset, folder);
        expect(new Map(losses.map(({ what, count }) => [what, count]))).toEqual(
          expectedLosses(dataset, lost),
        );
        const again = await converter.read(folder);
        expect(rounded(again.dataset)).toEqual(rounded(without(dataset, lost)));
        expect(again.losses).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

test('a dataset goes through every pair of formats and back', async () => {
  await fc.assert(
    fc.asyncProperty(anyDataset, async (given) => {
      const dataset = without(given, ['attributes', 'polygons']);
      for (const [first] of cases) {
        for (const [second] of cases) {
          const [a, b, c] = [newFolder(), newFolder(), newFolder()];
          await first.write(dataset, a);
          await second.write((await first.read(a)).dataset, b);
          const losses = await first.write((await second.read(b)).dataset, c);
          expect(losses).toEqual([]);
          expect(rounded((await first.read(c)).dataset)).toEqual(rounded(dataset));
        }
      }
    }),
    { numRuns: 10 },
  );
});

const cats: Dataset = {
  categories: ['cat', 'dog'],
  images: [
    {
      name: 'garden/1.jpg',
      width: 640,
      height: 480,
      annotations: [
        {
          category: 'dog',
          box: { x: 64, y: 48, width: 128, height: 96 },
          polygons: [[64, 48, 192, 48, 64, 144]],
          attributes: { old: true },
        },
      ],
    },
    { name: '2.png', width: 10, height: 20, annotations: [] },
  ],
};

describe('a format is written as it is known', () => {
  test('the plain JSON form', async () => {
    const folder = newFolder();
    await dmConverter.write(cats, folder);
    expect(JSON.parse(await readFile(join(folder.path, 'dataset.json'), 'utf8'))).toEqual({
      format: 'dm',
      version: 1,
      categories: ['cat', 'dog'],
      images: [
        {
          name: 'garden/1.jpg',
          width: 640,
          height: 480,
          annotations: [
            {
              category: 'dog',
              box: { x: 64, y: 48, width: 128, height: 96 },
              polygons: [[64, 48, 192, 48, 64, 144]],
              attributes: { old: true },
            },
          ],
        },
        { name: '2.png', width: 10, height: 20, annotations: [] },
      ],
    });
  });

  test('COCO: boxes from the upper left corner in pixels, polygons as segmentation', async () => {
    const folder = newFolder();
    expect(await coco.write(cats, folder)).toEqual([
      { what: 'annotation.attributes.old', count: 1, first: 'garden/1.jpg' },
    ]);
    expect(JSON.parse(await readFile(join(folder.path, 'annotations.json'), 'utf8'))).toEqual({
      images: [
        { id: 1, file_name: 'garden/1.jpg', width: 640, height: 480 },
        { id: 2, file_name: '2.png', width: 10, height: 20 },
      ],
      categories: [
        { id: 1, name: 'cat' },
        { id: 2, name: 'dog' },
      ],
      annotations: [
        {
          id: 1,
          image_id: 1,
          category_id: 2,
          bbox: [64, 48, 128, 96],
          area: 12_288,
          iscrowd: 0,
          segmentation: [[64, 48, 192, 48, 64, 144]],
        },
      ],
    });
  });

  test('YOLO: the centre and the size as shares of the image, a file per image, an empty one too', async () => {
    const folder = newFolder();
    expect(await yoloConverter.write(cats, folder)).toEqual([
      { what: 'annotation.polygons', count: 1, first: 'garden/1.jpg' },
      { what: 'annotation.attributes.old', count: 1, first: 'garden/1.jpg' },
    ]);
    const text = (file: string) => readFile(join(folder.path, file), 'utf8');
    expect(await text('classes.txt')).toBe('cat\ndog\n');
    expect(await text('labels/garden/1.txt')).toBe('1 0.2 0.2 0.2 0.2\n');
    expect(await text('labels/2.txt')).toBe('');
    expect(JSON.parse(await text('image_sizes.json'))).toEqual({
      'garden/1.jpg': [640, 480],
      '2.png': [10, 20],
    });
  });

  test('a box that reaches out of its image is cut for YOLO, and that is named', async () => {
    const folder = newFolder();
    const out: Dataset = {
      categories: ['cat'],
      images: [
        {
          name: 'a.png',
          width: 100,
          height: 100,
          annotations: [
            { category: 'cat', box: { x: 80, y: -20, width: 40, height: 40 }, polygons: [], attributes: {} },
          ],
        },
      ],
    };
    expect(await yoloConverter.write(out, folder)).toEqual([
      { what: 'annotation.box outside the image', count: 1, first: 'a.png' },
    ]);
    expect(await readFile(join(folder.path, 'labels/a.txt'), 'utf8')).toBe('0 0.9 0.1 0.2 0.2\n');
  });

  test('two images that would share a label file are refused by YOLO', async () => {
    const image = { width: 1, height: 1, annotations: [] };
    const twins: Dataset = {
      categories: ['cat'],
      images: [
        { name: 'a.png', ...image },
        { name: 'a.jpg', ...image },
      ],
    };
    await expect(yoloConverter.write(twins, newFolder())).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringMatching(/labels.a\.txt.*'a\.png' and 'a\.jpg'/),
    });
  });

  test('nothing is written over', async () => {
    for (const [converter] of cases) {
      const folder = newFolder();
      await converter.write(cats, folder);
      await expect(converter.write(cats, folder)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    }
  });
});

describe('the registry of converters', () => {
  test('takes formats of users, and names what it has', () => {
    const registry = new ConverterRegistry([dmConverter, coco]).register({
      ...yoloConverter,
      format: 'mine',
    });
    expect(registry.formats).toEqual(['dm', 'coco', 'mine']);
    expect(registry.get('coco')).toBe(coco);
    expect(() => registry.get('yolo')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_FORMAT', message: expect.stringContaining('dm, coco, mine') }),
    );
    const other = new CocoConverter('other.json');
    expect(registry.register(other).get('coco')).toBe(other);
  });
});
