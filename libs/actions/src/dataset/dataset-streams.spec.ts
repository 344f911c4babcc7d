import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { datasetRuntime } from '../../test-support/dataset-runs.js';
import { MemoryStorage, recording } from '../../test-support/runtime.js';
import { DatasetAction } from './dataset-action.js';
import { DatasetOperation } from './dataset-params.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'datasets-'));
});
afterEach(() => rm(root, { recursive: true }));

const { EXPORT: operation } = DatasetOperation;

test('the export of a dataset has as many images on the way as may be, and reads no further ahead', async () => {
  const total = 60;
  let listed = 0;
  let ahead = 0;
  let reading = 0;
  let most = 0;
  const datasets = {
    dataset: async () => ({ id: 1, name: 'many', categories: [], imageCount: total }),
    images: async function* () {
      for (listed = 1; listed <= total; listed += 1) {
        yield { name: `${listed}.jpg`, width: 1, height: 1, key: 'k', annotations: [] };
      }
    },
  };
  const storage = new MemoryStorage({ k: 'photo' });
  const read = storage.read.bind(storage);
  const waiting: (() => void)[] = [];
  let done = 0;
  storage.read = async (key) => {
    reading += 1;
    most = Math.max(most, reading);
    // Each waits until there are three.
    await new Promise<void>((go) => {
      waiting.push(go);
      if (waiting.length === 3) for (const one of waiting.splice(0)) one();
    });
    ahead = Math.max(ahead, listed - done);
    return (await read(key)).once('close', () => {
      reading -= 1;
      done += 1;
    });
  };
  const params = { operation, dataset: 1, output: root, parallelism: 3 };
  const runtime = recording({ backend: { datasets }, storage });
  expect(await new DatasetAction(params, runtime).run()).toMatchObject({ imageCount: total });
  expect(await readdir(join(root, 'dm/images'))).toHaveLength(total);
  expect([most, ahead]).toEqual([3, 3]);
});

describe('an operation on a dataset that is stopped leaves nothing behind', () => {
  test.each(['export_dataset', 'convert_dataset'])('in the middle of %s', async (step) => {
    const runtime = datasetRuntime();
    const stop = new AbortController();
    const told = runtime.setProgress;
    runtime.setProgress = (current, total, category) => {
      if (category === step) stop.abort(new Error('nobody waits'));
      told(current, total, category);
    };
    const params = { operation: DatasetOperation.CONVERT, dataset: 123, targetFormat: 'yolo', output: root };
    const run = new DatasetAction({ ...params, parallelism: 1 }, runtime).run({ signal: stop.signal });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED', step, rollbackFailures: [] });
    expect(await readdir(root)).toEqual([]);
  });
});
