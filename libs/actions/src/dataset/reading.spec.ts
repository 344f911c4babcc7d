import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CocoConverter } from './coco.js';
import { DatasetFolder } from './dataset-folder.js';
import { dmConverter } from './dm.js';
import { yoloConverter } from './yolo.js';

// Small real datasets of each format, written by hand, and ways in which they are broken.
const coco = new CocoConverter();
let folder = new DatasetFolder('');
beforeEach(async () => {
  folder = new DatasetFolder(await mkdtemp(join(tmpdir(), 'reading-')));
});
afterEach(() => rm(folder.path, { recursive: true }));

async function given(file: string, content: Uint8Array | object | string): Promise<void> {
  const path = join(folder.path, file);
  await mkdir(dirname(path), { recursive: true });
  const bytes =
    typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
  await writeFile(path, bytes);
}

const image = { id: 139, file_name: '000000000139.jpg', width: 640, height: 426 };
const category = { id: 62, name: 'chair' };
const annotation = { id: 1, image_id: 139, category_id: 62, bbox: [10.5, 20, 100, 50.25] };
const small = { images: [image], categories: [category], annotations: [annotation] };

describe('COCO', () => {
  test('is read with all that a dataset has, and the rest is named', async () => {
    await given('annotations.json', {
      info: { description: 'COCO 2017' },
      licenses: [],
      images: [{ ...image, license: 2, coco_url: 'http://images.example/139' }],
      categories: [
        { ...category, supercategory: 'furniture' },
        { id: 1, name: 'person' },
      ],
      annotations: [
        { ...annotation, area: 5025, iscrowd: 0, segmentation: [[10.5, 20, 110.5, 20, 110.5, 70.25]] },
        {
          ...annotation,
          id: 2,
          category_id: 1,
          iscrowd: 1,
          segmentation: { counts: [1, 2], size: [426, 640] },
          keypoints: [1, 2, 2],
        },
        { ...annotation, id: 3, iscrowd: 1 },
      ],
    });
    const { dataset, losses } = await coco.read(folder);
    const box = { x: 10.5, y: 20, width: 100, height: 50.25 };
    expect(dataset).toEqual({
      categories: ['chair', 'person'],
      images: [
        {
          name: '000000000139.jpg',
          width: 640,
          height: 426,
          annotations: [
            { category: 'chair', box, polygons: [[10.5, 20, 110.5, 20, 110.5, 70.25]], attributes: {} },
            { category: 'person', box, polygons: [], attributes: {} },
            { category: 'chair', box, polygons: [], attributes: {} },
          ],
        },
      ],
    });
    const where = 'annotation 2 of 000000000139.jpg';
    expect(losses).toEqual([
      { what: 'file.info', count: 1, first: expect.stringContaining('annotations.json') },
      { what: 'file.licenses', count: 1, first: expect.anything() },
      { what: 'category.supercategory', count: 1, first: 'chair' },
      { what: 'image.license', count: 1, first: '000000000139.jpg' },
      { what: 'image.coco_url', count: 1, first: '000000000139.jpg' },
      { what: 'annotation.keypoints', count: 1, first: where },
      { what: 'annotation.iscrowd', count: 2, first: where },
      { what: 'annotation.segmentation', count: 1, first: where },
    ]);
  });

  test('may be without annotations, and in a file of another name', async () => {
    await given('test.json', { images: [image], categories: [category] });
    const { dataset } = await new CocoConverter('test.json').read(folder);
    expect(dataset.images).toEqual([{ name: '000000000139.jpg', width: 640, height: 426, annotations: [] }]);
  });

  test.each<[string, object | string, string]>([
    ['no JSON', '{"images": [', 'it is no JSON'],
    ['no categories', { images: [] }, 'categories'],
    ['a box of three numbers', { ...small, annotations: [{ ...annotation, bbox: [1, 2, 3] }] }, 'bbox'],
    ['a box of negative width', { ...small, annotations: [{ ...annotation, bbox: [1, 2, -3, 4] }] }, 'bbox'],
    [
      'an unknown image',
      { ...small, annotations: [{ ...annotation, image_id: 7 }] },
      'annotation 1 is of image 7',
    ],
    ['an unknown category', { ...small, annotations: [{ ...annotation, category_id: 7 }] }, 'of category 7'],
    ['an image twice', { ...small, images: [image, image] }, 'two images have the id 139'],
    [
      'a name twice',
      { ...small, images: [image, { ...image, id: 2 }] },
      "image '000000000139.jpg' stands there twice",
    ],
    ['a category twice', { ...small, categories: [category, category] }, 'two categories have the id 62'],
    ['a category name twice', { ...small, categories: [category, { id: 1, name: 'chair' }] }, 'twice'],
    [
      'a polygon of two corners',
      { ...small, annotations: [{ ...annotation, segmentation: [[1, 2, 3, 4]] }] },
      '>=6',
    ],
    [
      'a name that escapes',
      { ...small, images: [{ ...image, file_name: '../../etc/passwd' }] },
      'relative path',
    ],
    ['an absolute name', { ...small, images: [{ ...image, file_name: '/etc/passwd' }] }, 'relative path'],
  ])('with %s is refused, and the file named', async (_, content, reason) => {
    await given('annotations.json', content);
    await expect(coco.read(folder)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      retryable: false,
      file: expect.stringContaining('annotations.json'),
      message: expect.stringContaining(reason),
    });
  });

  test('that is missing is named', async () => {
    await expect(coco.read(folder)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('annotations.json'),
    });
  });

  test('that is a folder is named', async () => {
    await mkdir(join(folder.path, 'annotations.json'));
    await expect(coco.read(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

// A PNG of 4 by 2 pixels, as far as its head: signature, IHDR.
const png = Buffer.from('89504e470d0a1a0a0000000d4948445200000004000000020806000000', 'hex');

describe('YOLO', () => {
  test('is read, with the sizes from the heads of the images', async () => {
    await given('classes.txt', 'cat\r\ndog\r\n\r\n');
    await given('images/b.png', png);
    await given('images/.DS_Store', 'of the system');
    await given('images/train/a.png', png);
    await given('labels/train/a.txt', '1 0.5 0.5 0.5 1\n\n0 0.25 0.5 0.5 1e-1\n');
    const { dataset, losses } = await yoloConverter.read(folder);
    expect(dataset).toEqual({
      categories: ['cat', 'dog'],
      images: [
        { name: 'b.png', width: 4, height: 2, annotations: [] },
        {
          name: 'train/a.png',
          width: 4,
          height: 2,
          annotations: [
            { category: 'dog', box: { x: 1, y: 0, width: 2, height: 2 }, polygons: [], attributes: {} },
            {
              category: 'cat',
              box: { x: 0, y: 0.9, width: 2, height: expect.closeTo(0.2) },
              polygons: [],
              attributes: {},
            },
          ],
        },
      ],
    });
    expect(losses).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['a class that is not there', '2 0.5 0.5 0.1 0.1', 'classes.txt has no class 2'],
    ['a class that is no whole number', '0.5 0.5 0.5 0.1 0.1', 'no class 0.5'],
    ['a class that is no number', 'cat 0.5 0.5 0.1 0.1', 'no class cat'],
    ['pixels', '0 320 240 10 10', 'numbers from 0 to 1'],
    ['text', '0 0.5 x 0.1 0.1', 'numbers from 0 to 1'],
    ['outlines', '0 0.1 0.1 0.2 0.2 0.3 0.3', 'it has 7 fields'],
    ['too little', '0 0.5', 'it has 2 fields'],
  ])('with %s in a line is refused, and file and line are named', async (_, line, reason) => {
    await given('classes.txt', 'cat\ndog\n');
    await given('images/a.png', png);
    await given('labels/a.txt', `0 0.5 0.5 0.1 0.1\n${line}\n`);
    await expect(yoloConverter.read(folder)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringMatching(new RegExp(`a\\.txt, line 2: .*${reason}`)),
    });
  });

  test('with two images that share a label file is refused', async () => {
    await given('classes.txt', 'cat\n');
    await given('images/a.png', png);
    await given('image_sizes.json', { 'a.jpg': [4, 2] });
    await expect(yoloConverter.read(folder)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringMatching(/labels.a\.txt: it is that of two images, 'a\.jpg' and 'a\.png'/),
    });
  });

  test('with labels of no image is refused', async () => {
    await given('classes.txt', 'cat\n');
    await given('labels/lost.txt', '');
    await expect(yoloConverter.read(folder)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining('lost.txt: no image of that name'),
    });
  });

  test('with a broken image is refused', async () => {
    await given('classes.txt', 'cat\n');
    await given('images/broken.png', 'not an image');
    await expect(yoloConverter.read(folder)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining('broken.png: it is no image'),
    });
  });

  test('with sizes of names that escape is refused', async () => {
    await given('classes.txt', 'cat\n');
    await given('image_sizes.json', { '../a.png': [1, 1] });
    await expect(yoloConverter.read(folder)).rejects.toMatchObject({
      message: expect.stringContaining('../a.png'),
    });
  });

  test('without classes is refused', async () => {
    await expect(yoloConverter.read(folder)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('classes.txt'),
    });
    await given('classes.txt', 'cat\n\ncat\n');
    await expect(yoloConverter.read(folder)).rejects.toMatchObject({ code: 'FILE_INVALID' });
  });
});

describe('the plain JSON form', () => {
  const dm = {
    format: 'dm',
    version: 1,
    categories: ['cat'],
    images: [{ name: 'a.jpg', width: 2, height: 2 }],
  };

  test('may leave out what is empty', async () => {
    await given('dataset.json', dm);
    expect((await dmConverter.read(folder)).dataset.images).toEqual([
      { name: 'a.jpg', width: 2, height: 2, annotations: [] },
    ]);
  });

  test.each<[string, object, string]>([
    ['another version', { ...dm, version: 2 }, 'version'],
    ['an unknown field', { ...dm, images: [{ ...dm.images[0], depth: 3 }] }, 'depth'],
    ['a size of 0', { ...dm, images: [{ name: 'a.jpg', width: 0, height: 2 }] }, 'width'],
    [
      'an unknown category',
      {
        ...dm,
        images: [
          {
            ...dm.images[0],
            annotations: [{ category: 'dog', box: { x: 0, y: 0, width: 1, height: 1 } }],
          },
        ],
      },
      "unknown category 'dog'",
    ],
    [
      'a name with a backslash',
      { ...dm, images: [{ name: '..\\a.jpg', width: 1, height: 2 }] },
      'relative path',
    ],
    ['a name on a drive', { ...dm, images: [{ name: 'c:a.jpg', width: 1, height: 2 }] }, 'relative path'],
  ])('with %s is refused', async (_, content, reason) => {
    await given('dataset.json', content);
    await expect(dmConverter.read(folder)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(reason),
    });
  });

  test('that is not UTF-8 is refused', async () => {
    await given('dataset.json', Buffer.from([0x7b, 0xff, 0x7d]));
    await expect(dmConverter.read(folder)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining('UTF-8'),
    });
  });
});
