import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StepRegistry } from '@counterstep/steps';
import { BaseStep, StepResult } from '@counterstep/steps';
import { datasetRuntime, pets } from '../../test-support/dataset-runs.js';
import { filesIn } from '../../test-support/files.js';
import { recording } from '../../test-support/runtime.js';
import { runAction } from '../run-action.js';
import type { ConverterRegistry } from './converter.js';
import { DatasetAction } from './dataset-action.js';
import type { StoredImage } from './dataset-backend.js';
import type { DatasetContext } from './dataset-context.js';
import { DatasetFolder } from './dataset-folder.js';
import { DatasetOperation } from './dataset-params.js';
import { dmConverter } from './dm.js';

let root = '';
let output = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'datasets-'));
  output = join(root, 'out');
});
afterEach(() => rm(root, { recursive: true }));

const exporting = (more: object = {}) => ({
  operation: DatasetOperation.EXPORT,
  dataset: 123,
  output,
  ...more,
});
const converting = (more: object = {}) => ({
  operation: DatasetOperation.CONVERT,
  dataset: 123,
  targetFormat: 'yolo',
  output,
  ...more,
});

class Failing extends DatasetAction {
  override setupSteps(registry: StepRegistry<DatasetContext>): void {
    super.setupSteps(registry);
    registry.register(
      new (class extends BaseStep<DatasetContext> {
        readonly name = 'boom';
        readonly progressWeight = 0;
        execute(): StepResult {
          return new StepResult({ success: false, error: 'boom' });
        }
      })(),
    );
  }
}

const listing = async () => Object.keys(await filesIn(output));

describe('the export of a dataset', () => {
  test('brings its annotations and images to a local folder', async () => {
    const runtime = datasetRuntime();
    const result = await runAction('dataset', exporting(), runtime);
    expect(result).toEqual({
      success: true,
      stepsExecuted: 1,
      stepsTotal: 1,
      path: join(output, 'dm'),
      format: 'dm',
      imageCount: 3,
      annotationCount: 2,
      losses: [],
      missingImages: 1,
    });
    expect(await listing()).toEqual(['dm/dataset.json', 'dm/images/a/1.jpg', 'dm/images/a/2.jpg']);
    expect(await readFile(join(output, 'dm/images/a/2.jpg'), 'utf8')).toBe('photo two');
    const { dataset } = await dmConverter.read(new DatasetFolder(join(output, 'dm')));
    const { categories, images } = pets.datasets[0]!;
    expect(dataset).toEqual({ categories, images: images.map(({ key: _, ...image }) => image) });
    const done = runtime.progress.filter(([, , category]) => category === 'export_dataset');
    expect(done.map(([now, all]) => `${now}/${all}`)).toEqual(['1/3', '2/3', '3/3']);
    expect(runtime.metrics.at(-1)).toEqual([{ images: 3, waiting: 0 }, 'export_dataset']);
  });

  test('without images needs no storage', async () => {
    const { backend } = datasetRuntime();
    const runtime = recording({ ...(backend ? { backend } : {}) });
    await new DatasetAction(exporting({ images: false }), runtime).run();
    expect(await listing()).toEqual(['dm/dataset.json']);
    await expect(new DatasetAction(exporting({ output: join(root, 'x') }), runtime).run()).rejects.toThrow(
      "a runtime with 'storage'",
    );
    expect(await readdir(root)).toEqual(['out']);
  });

  test('whose image is not in the storage fails, and leaves nothing behind', async () => {
    const run = new DatasetAction(exporting(), datasetRuntime({ 'k/1': 'photo one' })).run();
    await expect(run).rejects.toMatchObject({
      step: 'export_dataset',
      message: expect.stringContaining("there is no file 'k/2'"),
    });
    expect(await readdir(root)).toEqual([]);
  });

  test('that cannot be read back is refused, and leaves nothing behind', async () => {
    const image = pets.datasets[0]!.images[0]!;
    const given: [StoredImage[], string][] = [
      [[image, image], "image 'a/1.jpg' stands there twice"],
      [
        [{ ...image, annotations: [{ ...image.annotations[0]!, category: 'cow' }] }],
        "unknown category 'cow'",
      ],
    ];
    for (const [images, reason] of given) {
      const head = { id: 1, name: 'x', categories: ['cat', 'dog'], imageCount: images.length };
      const datasets = {
        dataset: async () => head,
        images: async function* () {
          yield* images;
        },
      };
      const { storage } = datasetRuntime();
      const runtime = recording({ backend: { datasets }, ...(storage ? { storage } : {}) });
      await expect(new DatasetAction(exporting(), runtime).run()).rejects.toThrow(reason);
      expect(await readdir(root)).toEqual([]);
    }
  });

  test('of a dataset that is not there says so, and writes over nothing', async () => {
    await expect(new DatasetAction(exporting({ dataset: 7 }), datasetRuntime()).run()).rejects.toThrow(
      'no dataset 7',
    );
    await mkdir(join(output, 'dm'), { recursive: true });
    await expect(new DatasetAction(exporting(), datasetRuntime()).run()).rejects.toMatchObject({
      cause: expect.objectContaining({ code: 'FILE_EXISTS' }),
    });
    expect(await readdir(output)).toEqual(['dm']);
  });

  test('is removed when a later step fails, and what was there is not', async () => {
    await expect(new Failing(exporting(), datasetRuntime()).run()).rejects.toMatchObject({
      rollbackFailures: [],
    });
    expect(await readdir(root)).toEqual([]);
    await mkdir(output);
    await writeFile(join(output, 'mine.txt'), '');
    await expect(new Failing(exporting(), datasetRuntime()).run()).rejects.toMatchObject({
      rollbackFailures: [],
    });
    expect(await listing()).toEqual(['mine.txt']);
  });
});

describe('the conversion of a dataset', () => {
  test('of the backend exports it first, and names what is lost', async () => {
    const runtime = datasetRuntime();
    expect(await runAction('dataset', converting(), runtime)).toEqual({
      success: true,
      stepsExecuted: 2,
      stepsTotal: 2,
      path: join(output, 'yolo'),
      format: 'yolo',
      imageCount: 3,
      annotationCount: 2,
      losses: [
        { what: 'annotation.attributes.old', count: 1, first: 'a/1.jpg' },
        { what: 'annotation.polygons', count: 1, first: 'a/1.jpg' },
      ],
      missingImages: 1,
    });
    expect(await listing()).toEqual([
      'dm/dataset.json',
      'dm/images/a/1.jpg',
      'dm/images/a/2.jpg',
      'yolo/classes.txt',
      'yolo/image_sizes.json',
      'yolo/images/a/1.jpg',
      'yolo/images/a/2.jpg',
      'yolo/labels/a/1.txt',
      'yolo/labels/a/2.txt',
      'yolo/labels/b.txt',
    ]);
    expect(await readFile(join(output, 'yolo/labels/a/1.txt'), 'utf8')).toBe(
      '1 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n',
    );
    expect(runtime.logs.filter(({ event }) => event === 'dataset_loss')).toHaveLength(2);
    expect(
      runtime.progress.filter(([, , category]) => category === 'overall').map(([percent]) => percent),
    ).toEqual([60, 100]);
    const last = runtime.progress.filter(([, , category]) => category === 'convert_dataset').at(-1);
    expect(last?.slice(0, 2)).toEqual([3, 3]);
    expect(runtime.metrics.at(-1)).toEqual([{ images: 3, missing: 1 }, 'convert_dataset']);
  });

  test('of a local folder goes from any format to any other', async () => {
    await new DatasetAction(converting(), datasetRuntime()).run();
    const again = converting({
      dataset: undefined,
      source: join(output, 'yolo'),
      sourceFormat: 'yolo',
      targetFormat: 'coco',
      images: false,
    });
    expect(await new DatasetAction(again, recording()).run()).toMatchObject({
      stepsExecuted: 1,
      path: join(output, 'coco'),
      imageCount: 3,
      annotationCount: 2,
      losses: [],
      missingImages: 0,
    });
    expect((await listing()).filter((file) => file.startsWith('coco'))).toEqual(['coco/annotations.json']);
    const back = {
      ...again,
      source: join(output, 'coco'),
      sourceFormat: 'coco',
      targetFormat: 'dm',
      output: root,
    };
    await new DatasetAction(back, recording()).run();
    const { dataset } = await dmConverter.read(new DatasetFolder(join(root, 'dm')));
    expect(dataset.images[0]!.annotations.map(({ category, box }) => ({ category, box }))).toEqual(
      ['dog', 'cat'].map((category) => ({ category, box: { x: 16, y: 8, width: 32, height: 16 } })),
    );
  });

  test("into a format of one's own", async () => {
    class Mine extends DatasetAction {
      protected override converters(): ConverterRegistry {
        return super.converters().register({
          format: 'names',
          read: () => Promise.reject(new Error('names are only written')),
          write: async ({ images }, folder) => {
            await folder.writeText('names.txt', images.map(({ name }) => `${name}\n`).join(''));
            return [];
          },
        });
      }
    }
    await new Mine(converting({ targetFormat: 'names', images: false }), datasetRuntime()).run();
    expect(await readFile(join(output, 'names/names.txt'), 'utf8')).toBe('a/1.jpg\na/2.jpg\nb.png\n');
  });

  test('is removed when a later step fails, with the export before it', async () => {
    await expect(new Failing(converting(), datasetRuntime()).run()).rejects.toMatchObject({
      rollbackFailures: [],
    });
    expect(await readdir(root)).toEqual([]);
  });

  test('that fails in the middle leaves nothing behind', async () => {
    const source = join(root, 'source');
    await mkdir(join(source, 'images'), { recursive: true });
    const image = { width: 1, height: 1 };
    const images = [
      { name: 'a.png', ...image },
      { name: 'a.jpg', ...image },
    ];
    await writeFile(
      join(source, 'dataset.json'),
      JSON.stringify({ format: 'dm', version: 1, categories: [], images }),
    );
    const run = new DatasetAction(converting({ dataset: undefined, source }), recording()).run();
    await expect(run).rejects.toMatchObject({
      step: 'convert_dataset',
      message: expect.stringContaining("'a.png' and 'a.jpg'"),
      retryable: false,
    });
    expect(await readdir(root)).toEqual(['source']);
  });

  test('of what is not there names the file', async () => {
    const run = new DatasetAction(converting({ dataset: undefined, source: root }), recording()).run();
    await expect(run).rejects.toMatchObject({
      message: expect.stringContaining(`${join(root, 'dataset.json')}: there is no such file`),
      retryable: false,
    });
  });

  test('with formats that nobody knows is refused before anything is done', async () => {
    for (const formats of [{ targetFormat: 'voc' }, { sourceFormat: 'voc' }]) {
      await expect(new DatasetAction(converting(formats), datasetRuntime()).run()).rejects.toMatchObject({
        code: 'UNKNOWN_FORMAT',
        message: expect.stringContaining('dm, coco, yolo'),
      });
    }
    expect(await readdir(root)).toEqual([]);
  });

  test.each<[object, string]>([
    [{ dataset: undefined }, 'name either a dataset of the backend or a source folder'],
    [{ source: 'here' }, 'name either a dataset of the backend or a source folder'],
    [{ targetFormat: 'dm' }, "use the operation 'export'"],
    [{ targetFormat: undefined }, 'targetFormat'],
    [{ operation: 'copy' }, 'operation'],
    [{ imges: false }, 'imges'],
  ])('with the parameters %j is refused', async (more, reason) => {
    await expect(new DatasetAction(converting(more), datasetRuntime()).run()).rejects.toMatchObject({
      code: 'PARAMS_INVALID',
      message: expect.stringContaining(reason),
    });
  });
});
