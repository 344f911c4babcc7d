// node --import ./test/support/typescript.mjs examples/image-processing/main.ts [INPUT OUTPUT [WIDTH]]
//
// Resizes the images of a folder into another one. Without folders it draws some images, one of them broken, and resizes
// these.
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleRuntimeContext } from '@counterstep/steps';
import { Jimp } from 'jimp';
import { processImages } from './process-images.js';

async function drawn(): Promise<[input: string, output: string]> {
  const folder = await mkdtemp(join(tmpdir(), 'images-'));
  const input = join(folder, 'originals');
  await mkdir(input);
  for (const [index, color] of [0xcc3333ff, 0x33cc33ff, 0x3333ccff].entries()) {
    await new Jimp({ width: 1_600, height: 900, color }).write(`${input}/${index + 1}.png`);
  }
  await writeFile(join(input, 'broken.png'), 'no image');
  return [input, join(folder, 'resized')];
}

const [, , input, output, width = '800'] = process.argv;
const resizeWidth = Number(width);
if (
  (input !== undefined && output === undefined) ||
  !(Number.isSafeInteger(resizeWidth) && resizeWidth > 0)
) {
  console.error(
    'Give an input and an output folder, or neither; then a width, a whole number of pixels from 1 on.',
  );
  process.exit(2);
}
const [from, to] = input !== undefined && output !== undefined ? [input, output] : await drawn();
const result = await processImages(new ConsoleRuntimeContext(), from, to, { resizeWidth });
console.log({ from, to, ...result });
process.exitCode = result.success ? 0 : 1;
