import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BaseStep, StepResult } from '@counterstep/steps';
import { z } from 'zod';
import { MemoryStorage, recording } from '../../test-support/runtime.js';
import { FitLine } from '../../test-support/training.js';
import { LinearModelLoader } from '../tasks/linear-model.js';
import type { TrainResult } from './train-action.js';
import { BaseTrainAction } from './train-action.js';
import { TrainContext } from './train-context.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-'));
  // y = 3a - 2b + 0.5, without noise.
  const points = [0, 0.25, 0.5, 0.75, 1].flatMap((a) => [0, 0.5, 1].map((b) => [a, b, 3 * a - 2 * b + 0.5]));
  await writeFile(join(folder, 'points.csv'), ['a,b,y', ...points.map((row) => row.join())].join('\n'));
});
afterEach(() => rm(folder, { recursive: true }));

const params = (more: object = {}) => ({
  csv: join(folder, 'points.csv'),
  folder: join(folder, 'checkpoints'),
  name: 'line',
  ...more,
});

describe('a training in five steps', () => {
  test('learns, and saves a model that predicts', async () => {
    const storage = new MemoryStorage();
    const runtime = recording({ storage });
    const result = await new FitLine(params(), runtime).run();
    const checkpointPath = join(folder, 'checkpoints/line.json');
    expect(result).toEqual({
      success: true,
      stepsExecuted: 5,
      stepsTotal: 5,
      metrics: { loss: expect.closeTo(0, 10) },
      checkpointPath,
      modelKey: 'models/line.json',
    });
    const stored = storage.files.get('models/line.json')?.toString();
    expect(stored).toBe(await readFile(checkpointPath, 'utf8'));
    expect(JSON.parse(stored!)).toMatchObject({
      weights: [[expect.closeTo(3, 4), expect.closeTo(-2, 4)]],
      bias: [expect.closeTo(0.5, 4)],
    });
    const model = await new LinearModelLoader(join(folder, 'checkpoints')).load('line');
    expect(await model.predict([{ a: 2, b: 1 }])).toEqual([{ values: { y: expect.closeTo(4.5, 3) } }]);
  });

  test('tells each epoch, and its progress by weight', async () => {
    const runtime = recording({ storage: new MemoryStorage() });
    await new FitLine(params({ epochs: 3 }), runtime).run();
    expect(runtime.progress.map(([now, all, category]) => `${category} ${now}/${all}`)).toEqual([
      'overall 10/100',
      'overall 15/100',
      'train_model 1/3',
      'train_model 2/3',
      'train_model 3/3',
      'overall 85/100',
      'overall 90/100',
      'overall 100/100',
    ]);
    const losses = runtime.metrics.map(([{ loss }]) => loss as number);
    expect(runtime.metrics).toEqual(
      [1, 2, 3].map((epoch, at) => [{ epoch, loss: losses[at] }, 'train_model']),
    );
    expect(losses[2]).toBeLessThan(losses[0]!);
  });

  test('that fails at the end leaves neither checkpoint nor model', async () => {
    class Unlucky extends FitLine {
      override setupSteps(registry: Parameters<FitLine['setupSteps']>[0]): void {
        super.setupSteps(registry);
        registry.register(
          new (class extends BaseStep {
            readonly name = 'publish';
            readonly progressWeight = 0;
            execute(): StepResult {
              return new StepResult({ success: false, error: 'nobody wants it' });
            }
          })(),
        );
      }
    }
    const storage = new MemoryStorage();
    await expect(new Unlucky(params({ epochs: 1 }), recording({ storage })).run()).rejects.toMatchObject({
      step: 'publish',
      rollbackFailures: [],
    });
    expect(storage.files.size).toBe(0);
    expect(await readdir(join(folder, 'checkpoints'))).toEqual([]);
  });

  test('whose model cannot be uploaded leaves no checkpoint', async () => {
    const storage = new MemoryStorage();
    storage.write = () => Promise.reject(new Error('no room'));
    await expect(new FitLine(params({ epochs: 1 }), recording({ storage })).run()).rejects.toMatchObject({
      step: 'upload_model',
      message: "Step 'upload_model' failed: no room",
    });
    expect(await readdir(join(folder, 'checkpoints'))).toEqual([]);
  });

  test('learns nothing from what is no table of numbers, and names the line', async () => {
    await writeFile(join(folder, 'points.csv'), 'a,b,y\n1,2,3\n1,x,3\n');
    await expect(new FitLine(params(), recording()).run()).rejects.toMatchObject({
      step: 'prepare_dataset',
      message: expect.stringContaining('points.csv, line 3: no numbers'),
    });
  });
});

describe('a training without steps', () => {
  const paramsSchema = z.object({ numbers: z.array(z.number()) });
  class Mean extends BaseTrainAction<z.output<typeof paramsSchema>> {
    readonly paramsSchema = paramsSchema;
    override async execute(): Promise<TrainResult> {
      const { numbers } = this.params;
      const mean = numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
      return { metrics: { mean }, checkpointPath: null, modelKey: null };
    }
  }

  test('does its work in execute', async () => {
    expect(await new Mean({ numbers: [1, 2, 6] }, recording()).run()).toEqual({
      metrics: { mean: 3 },
      checkpointPath: null,
      modelKey: null,
    });
    await expect(new Mean({ numbers: 1 }, recording()).run()).rejects.toMatchObject({
      code: 'PARAMS_INVALID',
    });
  });
});

test('the context of a training begins empty, and keeps the last value of each metric', () => {
  const context = new TrainContext(recording(), { rate: 1 });
  expect(context).toMatchObject({
    params: { rate: 1 },
    dataset: null,
    model: null,
    epoch: 0,
    metrics: {},
    checkpointPath: null,
    modelKey: null,
  });
  context.reportEpoch(1, 2, { loss: 4, accuracy: 0.5 });
  context.reportEpoch(2, 2, { loss: 3 });
  expect(context).toMatchObject({ epoch: 2, metrics: { loss: 3, accuracy: 0.5 } });
});
