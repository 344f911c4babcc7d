import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BaseStep, ConsoleRuntimeContext, StepResult } from '@counterstep/steps';
import { Jimp } from 'jimp';
import type { ImageProcessingContext } from './context.js';
import { imageSteps, processImages } from './process-images.js';

let input = '';
let output = '';
let lines: string[] = [];
beforeEach(async () => {
  input = await mkdtemp(join(tmpdir(), 'images-'));
  output = join(input, 'resized');
  lines = [];
});
afterEach(() => rm(input, { recursive: true }));

const runtime = () => new ConsoleRuntimeContext({ output: { write: (line) => lines.push(line) } });
const told = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

/** An image whose left half has one colour and whose right half another. */
async function draw(name: `${string}.${string}`, width: number, height: number): Promise<Buffer> {
  const image = new Jimp({ width, height, color: 0xff0000ff });
  for (let x = Math.floor(width / 2); x < width; x += 1) {
    for (let y = 0; y < height; y += 1) image.setPixelColor(0x0000ffff, x, y);
  }
  await image.write(`${input}/${name}` as `${string}.${string}`);
  return readFile(join(input, name));
}

class Failing extends BaseStep<ImageProcessingContext> {
  readonly name = 'publish';
  readonly progressWeight = 0.1;
  execute(): StepResult {
    return new StepResult({ success: false, error: 'nobody is there' });
  }
}

describe('the example that processes images', () => {
  test('resizes real images to the width, and leaves the originals as they are', async () => {
    const originals = [
      await draw('a.png', 400, 200),
      await draw('b.jpg', 300, 300),
      await draw('c.jpeg', 50, 20),
    ];
    await writeFile(join(input, 'notes.txt'), 'no image');
    expect(await processImages(runtime(), input, output, { resizeWidth: 100 })).toEqual({
      success: true,
      processed: 3,
      failed: 0,
    });
    expect(await readdir(output)).toEqual(['a.png', 'b.jpg', 'c.jpeg']);
    const sizes = await Promise.all(
      ['a.png', 'b.jpg', 'c.jpeg'].map(async (name) => {
        const image = await Jimp.read(join(output, name));
        return [image.width, image.height];
      }),
    );
    expect(sizes).toEqual([
      [100, 50],
      [100, 100],
      [50, 20],
    ]);
    const half = await Jimp.read(join(output, 'a.png'));
    expect([half.getPixelColor(20, 20), half.getPixelColor(80, 20)]).toEqual([0xff0000ff, 0x0000ffff]);
    const now = await Promise.all(['a.png', 'b.jpg', 'c.jpeg'].map((name) => readFile(join(input, name))));
    expect(now).toEqual(originals);
    expect(
      told()
        .filter(({ category }) => category === 'overall')
        .map(({ percent }) => percent),
    ).toEqual([10, 80, 100]);
    expect(told().filter(({ category }) => category === 'resize_images')).toHaveLength(3);
  });

  test('counts a broken image as failed, and says which', async () => {
    await draw('good.png', 20, 10);
    await writeFile(join(input, 'broken.png'), 'no image');
    expect(await processImages(runtime(), input, output)).toEqual({ success: true, processed: 1, failed: 1 });
    expect(await readdir(output)).toEqual(['good.png']);
    expect(lines.join('')).toContain(JSON.stringify(join(input, 'broken.png')));
    expect(lines.join('')).toMatch(/"totalImages":2,"processed":1,"failed":1,"bytesSaved":-?\d+/);
  });

  test('makes no report of nothing', async () => {
    await writeFile(join(input, 'broken.jpg'), 'no image');
    expect(await processImages(runtime(), input, output)).toEqual({ success: true, processed: 0, failed: 1 });
    expect(lines.join('')).not.toContain('processing_complete');
  });

  test('deletes what it has written when a later step fails, and nothing else', async () => {
    await draw('a.png', 40, 20);
    await draw('b.png', 40, 20);
    await mkdir(output);
    await writeFile(join(output, 'b.png'), 'mine');
    const registry = imageSteps().register(new Failing());
    expect(await processImages(runtime(), input, output, { registry })).toEqual({
      success: false,
      error: "Step 'publish' failed: nobody is there",
      errors: [],
    });
    expect(await readdir(output)).toEqual(['b.png']);
    expect(await readFile(join(output, 'b.png'), 'utf8')).toBe('mine');
    expect((await readdir(input)).sort()).toEqual(['a.png', 'b.png', 'resized']);
  });

  test('that is stopped leaves no images', async () => {
    await draw('a.png', 40, 20);
    await draw('b.png', 40, 20);
    const controller = new AbortController();
    const stopping = new ConsoleRuntimeContext({
      output: {
        write: (line) => {
          if (line.includes('resize_images')) controller.abort();
        },
      },
    });
    const result = await processImages(stopping, input, output, { signal: controller.signal });
    expect(result).toMatchObject({ success: false, error: expect.stringContaining('resize_images') });
    expect(await readdir(output)).toEqual([]);
  });

  test('finds no images in an empty folder, and refuses to write among the originals', async () => {
    expect(await processImages(runtime(), input, output)).toMatchObject({
      success: false,
      error: `Step 'discover_images' failed: No images found in ${input}`,
    });
    await draw('a.png', 4, 2);
    expect(await processImages(runtime(), input, input)).toMatchObject({
      success: false,
      error: expect.stringContaining('choose another folder'),
    });
  });

  test('runs as its first line says', async () => {
    await draw('a.png', 40, 20);
    const main = join(import.meta.dirname, 'main.ts');
    const [command = ''] = (await readFile(main, 'utf8')).split('\n');
    expect(command).toContain(
      'node --import ./test/support/typescript.mjs examples/image-processing/main.ts',
    );
    const root = join(import.meta.dirname, '../..');
    const args = ['--import', './test/support/typescript.mjs', main, input, output, '10'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('processed: 1');
    expect((await Jimp.read(join(output, 'a.png'))).width).toBe(10);
    const wide = spawnSync(process.execPath, [...args.slice(0, -1), 'wide'], { cwd: root, encoding: 'utf8' });
    expect(wide).toMatchObject({ status: 2, stderr: expect.stringContaining('a whole number of pixels') });
  });
});
