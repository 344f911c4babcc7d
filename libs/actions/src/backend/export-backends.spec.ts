import { afterEach, describe, expect, test } from '@jest/globals';
import { exportRoutes } from '../../test-support/export-routes.js';
import { streets } from '../../test-support/export-runs.js';
import type { Served } from '../../test-support/serve.js';
import { serve } from '../../test-support/serve.js';
import type { ExportBackend } from '../export/export-backend.js';
import { HttpBackend } from './http-backend.js';
import { MemoryBackend } from './memory-backend.js';

const open: Served[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const kinds: Record<string, () => Promise<ExportBackend>> = {
  'in memory': async () => new MemoryBackend(streets).exports,
  'over HTTP': async () => {
    const server = await serve(exportRoutes(new MemoryBackend(streets).exports, 2));
    open.push(server);
    return new HttpBackend({ baseUrl: server.url }).exports;
  },
};

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe.each(Object.keys(kinds))('a backend for exports %s', (kind) => {
  const make = async () => kinds[kind]!();

  test('knows projects, and says what it does not know', async () => {
    const exports = await make();
    expect(await exports.project(1)).toEqual(streets.projects[0]);
    const refused = {
      code: 'BACKEND_REFUSED',
      status: 404,
      message: expect.stringContaining('no project 2'),
    };
    await expect(exports.project(2)).rejects.toMatchObject(refused);
    await expect(exports.countRecords(2, 'task', {})).rejects.toMatchObject(refused);
    await expect(all(exports.records(2, 'task', {}))).rejects.toMatchObject(refused);
  });

  test('gives the records of a target, by id', async () => {
    const exports = await make();
    const records = await all(exports.records(1, 'assignment', {}));
    expect(records).toEqual(
      streets.records
        .filter(({ target }) => target === 'assignment')
        .map(({ id, files, data }) => ({ id, files, data })),
    );
    expect(await exports.countRecords(1, 'assignment', {})).toBe(3);
    expect(await all(exports.records(1, 'ground_truth', {}))).toEqual([]);
    expect(await exports.countRecords(1, 'ground_truth', {})).toBe(0);
  });

  test('filters by what is in the data, types included', async () => {
    const exports = await make();
    const ids = async (filter: Record<string, boolean | number | string>) =>
      (await all(exports.records(1, 'assignment', filter))).map(({ id }) => id);
    expect(await ids({ status: 'done' })).toEqual([11, 12]);
    expect(await ids({ status: 'done', cars: 2 })).toEqual([12]);
    expect(await ids({ cars: '2' })).toEqual([]);
    expect(await exports.countRecords(1, 'assignment', { status: 'done' })).toBe(2);
  });

  test('begins a list anew for each reading', async () => {
    const exports = await make();
    for await (const { id } of exports.records(1, 'assignment', {})) {
      expect(id).toBe(11);
      break;
    }
    expect(await all(exports.records(1, 'assignment', {}))).toHaveLength(3);
  });
});

test('over HTTP one page is fetched at a time, as it is needed', async () => {
  const server = await serve(exportRoutes(new MemoryBackend(streets).exports, 2));
  open.push(server);
  const { exports } = new HttpBackend({ baseUrl: server.url });
  for await (const { id } of exports.records(1, 'assignment', {})) {
    expect(server.asked).toHaveLength(id < 13 ? 1 : 2);
  }
  expect(server.asked.map(({ path }) => path)).toEqual([
    '/projects/1/exports/assignment',
    '/projects/1/exports/assignment',
  ]);
});
