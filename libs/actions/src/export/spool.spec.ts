import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Spool } from './spool.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spool-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a spool', () => {
  test('gives back any JSON, in its order, as often as it is read', async () => {
    let spools = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), async (values) => {
        const spool = new Spool<unknown>(join(folder, String((spools += 1))));
        for (const value of values) await spool.add(value);
        await spool.close();
        expect(spool).toHaveLength(values.length);
        const same = JSON.parse(JSON.stringify(values)) as unknown[];
        expect(await all(spool)).toEqual(same);
        expect(await all(spool)).toEqual(same);
      }),
      { numRuns: 50 },
    );
  });

  test('holds more than fits into the buffers, cut between characters of several bytes', async () => {
    const spool = new Spool<string>(join(folder, 'large'));
    const values = Array.from({ length: 300 }, (_, index) => `${index}${'äöü€😀'.repeat(100)}`);
    for (const value of values) await spool.add(value);
    await spool.close();
    expect(await all(spool)).toEqual(values);
  });

  test('may be read in part, and removed twice, also before it is closed', async () => {
    const spool = new Spool<number>(join(folder, 'part'));
    for (const value of [1, 2, 3]) await spool.add(value);
    await spool.close();
    for await (const value of spool) {
      expect(value).toBe(1);
      break;
    }
    await spool.remove();
    await spool.remove();
    const open = new Spool<number>(join(folder, 'open'));
    await open.add(1);
    await open.remove();
    expect(await readdir(folder)).toEqual([]);
  });

  test('that cannot be written says so, names its file, and may still be removed', async () => {
    const path = join(folder, 'none', 'file');
    const spool = new Spool<number>(path);
    await expect(
      (async () => {
        await spool.add(1);
        await spool.close();
      })(),
    ).rejects.toMatchObject({ code: 'FILE_NOT_FOUND', file: path });
    expect(spool.failed).toBe(true);
    await expect(spool.add(2)).rejects.toMatchObject({ file: path });
    await spool.remove();
    await writeFile(join(folder, 'taken'), 'mine');
    const taken = new Spool<number>(join(folder, 'taken'));
    await expect(taken.close()).rejects.toMatchObject({ code: 'FILE_EXISTS' });
  });
});
