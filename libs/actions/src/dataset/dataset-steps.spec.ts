import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StepRegistry } from '@counterstep/steps';
import { datasetRuntime } from '../../test-support/dataset-runs.js';
import { ConvertDatasetStep } from './convert-dataset-step.js';
import { DatasetAction } from './dataset-action.js';
import type { DatasetContext } from './dataset-context.js';
import { ExportDatasetStep } from './export-dataset-step.js';

// What each built-in step puts into the context, and takes out of it again.
let output = '';
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), 'datasets-'));
});
afterEach(() => rm(output, { recursive: true }));

const { signal } = new AbortController();
function setUp() {
  const params = { operation: 'convert', dataset: 123, targetFormat: 'yolo', output };
  const action = new DatasetAction(params, datasetRuntime());
  const registry = new StepRegistry<DatasetContext>();
  action.setupSteps(registry);
  return { context: action.createContext(), steps: registry.getSteps() };
}

test('the steps have the names of the guide, and weights that can be chosen', () => {
  expect(setUp().steps.map(({ name, progressWeight }) => [name, progressWeight])).toEqual([
    ['export_dataset', 0.6],
    ['convert_dataset', 0.4],
  ]);
  expect(new ExportDatasetStep(0.9).progressWeight).toBe(0.9);
  expect(new ConvertDatasetStep(0.1).progressWeight).toBe(0.1);
});

describe('export_dataset', () => {
  test('has the dataset in a folder; its rollback has not', async () => {
    const { context, steps } = setUp();
    const result = await steps[0]!.execute(context, signal);
    expect(context).toMatchObject({
      head: { name: 'Pets', imageCount: 3 },
      exportedPath: join(output, 'dm'),
      imageCount: 3,
      annotationCount: 2,
    });
    await steps[0]!.rollback(context, result, signal);
    await steps[0]!.rollback(context, result, signal);
    expect(context).toMatchObject({ head: null, exportedPath: null, imageCount: 0, annotationCount: 0 });
    expect(await readdir(output)).toEqual([]);
  });
});

describe('convert_dataset', () => {
  test('has the dataset in another format; its rollback has not', async () => {
    const { context, steps } = setUp();
    await steps[0]!.execute(context, signal);
    const result = await steps[1]!.execute(context, signal);
    expect(context).toMatchObject({ convertedPath: join(output, 'yolo'), missingImages: 1 });
    expect(context.losses).toHaveLength(2);
    await steps[1]!.rollback(context, result, signal);
    await steps[1]!.rollback(context, result, signal);
    expect(context).toMatchObject({ convertedPath: null, losses: [], missingImages: 0 });
    expect(await readdir(output)).toEqual(['dm']);
  });

  test('needs a source', async () => {
    const { context, steps } = setUp();
    await expect(async () => steps[1]!.execute(context, signal)).rejects.toThrow(
      "needs what 'export_dataset' does",
    );
  });
});
