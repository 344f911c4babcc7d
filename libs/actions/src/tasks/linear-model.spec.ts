import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LinearModelLoader } from './linear-model.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models-'));
});
afterEach(() => rm(folder, { recursive: true }));

const prices = {
  kind: 'linear',
  inputs: ['area', 'rooms'],
  outputs: ['price', 'rent'],
  weights: [
    [2, 10],
    [0.5, -1],
  ],
  bias: [100, 3],
};
const given = (file: string, content: unknown) =>
  writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));

describe('a linear model', () => {
  test('computes its outputs of its inputs', async () => {
    await given('prices.json', prices);
    const model = await new LinearModelLoader(folder).load('prices');
    expect(model.name).toBe('prices');
    const inputs = [
      { area: 50, rooms: 2, other: 'x' },
      { area: 0, rooms: 0 },
    ];
    expect(await model.predict(inputs)).toEqual([
      { values: { price: 220, rent: 26 } },
      { values: { price: 100, rent: 3 } },
    ]);
    expect(await model.predict([])).toEqual([]);
  });

  test('with softmax has a label and its probability, also where the exponential would be infinite', async () => {
    await given('kinds.json', {
      kind: 'linear',
      inputs: ['x'],
      outputs: ['cat', 'dog'],
      weights: [[1], [-1]],
      bias: [0, 0],
      activation: 'softmax',
    });
    const model = await new LinearModelLoader(folder).load('kinds');
    const share = 1 / (1 + Math.exp(-2));
    expect(await model.predict([{ x: 1 }, { x: -1 }, { x: 1_000 }])).toEqual([
      {
        label: 'cat',
        score: expect.closeTo(share, 12),
        values: { cat: expect.closeTo(share, 12), dog: expect.closeTo(1 - share, 12) },
      },
      { label: 'dog', score: expect.closeTo(share, 12), values: expect.anything() },
      { label: 'cat', score: 1, values: { cat: 1, dog: 0 } },
    ]);
  });

  test.each([{ area: 1 }, { area: 1, rooms: '2' }, { area: 1, rooms: NaN }, null])(
    'refuses the input %j and names what is missing',
    async (input) => {
      await given('prices.json', prices);
      const model = await new LinearModelLoader(folder).load('prices');
      await expect(model.predict([input])).rejects.toThrow(/model 'prices' needs a number '(area|rooms)'/);
    },
  );

  test.each<[string, unknown, string]>([
    ['no JSON', '{', 'it is no JSON'],
    ['of another kind', { ...prices, kind: 'forest' }, 'kind'],
    ['with a row too few', { ...prices, weights: [[1, 2]] }, 'weights must have a row for each output'],
    ['with a weight too few', { ...prices, weights: [[1], [2, 3]] }, 'weights must have a row'],
    ['with a bias too many', { ...prices, bias: [1, 2, 3] }, 'bias a number for each output'],
  ])('%s is refused, and its file named', async (_, content, reason) => {
    await given('broken.json', content);
    await expect(new LinearModelLoader(folder).load('broken')).rejects.toMatchObject({
      code: 'FILE_INVALID',
      file: join(folder, 'broken.json'),
      message: expect.stringContaining(reason),
    });
  });

  test('that is not there, or whose name leaves the folder, is refused', async () => {
    const loader = new LinearModelLoader(folder);
    await expect(loader.load('none')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    for (const name of ['../prices', '/prices', 'a/b']) {
      await expect(loader.load(name)).rejects.toMatchObject({ code: 'FILE_INVALID', file: name });
    }
  });
});
