import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { datasetRoutes } from '../../test-support/dataset-routes.js';
import { pets, photos } from '../../test-support/dataset-runs.js';
import { exportRoutes } from '../../test-support/export-routes.js';
import { originals, streets } from '../../test-support/export-runs.js';
import { MemoryStorage, recording } from '../../test-support/runtime.js';
import type { Served } from '../../test-support/serve.js';
import { serve } from '../../test-support/serve.js';
import { taskRoutes } from '../../test-support/task-routes.js';
import { runAction } from '../run-action.js';
import type { ActionRuntime } from '../runtime.js';
import { HttpBackend } from './http-backend.js';
import { MemoryBackend } from './memory-backend.js';

// The built-in actions, with a backend behind a real server that gives two items per page.
let folder = '';
let server: Served;
let inside: MemoryBackend;
let runtime: ActionRuntime;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'over-http-'));
  const tasks = [1, 2, 3].map((id) => ({ projectId: 1, id, data: {} }));
  inside = new MemoryBackend({ ...streets, ...pets, tasks });
  server = await serve([
    ...exportRoutes(inside.exports, 2),
    ...taskRoutes(inside.tasks, 2),
    ...datasetRoutes(inside.datasets, 2),
  ]);
  const backend = new HttpBackend({ baseUrl: server.url, firstDelayMs: 1 });
  runtime = recording({ backend, storage: new MemoryStorage({ ...originals, ...photos }) });
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test('an export over HTTP', async () => {
  const params = { project: 1, target: 'assignment', pathRoot: folder };
  expect(await runAction('export', params, runtime)).toMatchObject({ totalCount: 3, exportedCount: 3 });
  expect(await readdir(join(folder, 'export/json'))).toEqual(['assignment_13.json', 'one.json', 'two.json']);
});

test('annotations over HTTP, and what the service says when it cannot take one', async () => {
  const file = join(folder, 'labels.json');
  await writeFile(
    file,
    JSON.stringify([1, 2, 3].map((task) => ({ task, annotation: { label: `l${task}` } }))),
  );
  const params = { method: 'file', project: 1, file };
  server.intercept = (request, response) => {
    if (request.method !== 'PUT' || !request.url?.startsWith('/tasks/3')) return false;
    response.writeHead(422, { 'content-type': 'application/json' }).end('{"reason": "task 3 is closed"}');
    return true;
  };
  await expect(runAction('add_task_data', params, runtime)).rejects.toThrow(/422, task 3 is closed$/);
  expect(await Promise.all([1, 2, 3].map((id) => inside.tasks.annotation(id)))).toEqual([null, null, null]);

  server.intercept = () => false;
  expect(await runAction('add_task_data', params, runtime)).toMatchObject({ annotatedCount: 3 });
  expect((await inside.tasks.annotation(3))?.data).toEqual({ label: 'l3' });
});

test('a dataset over HTTP, though the service is busy now and then', async () => {
  let asked = 0;
  server.intercept = (_, response) => {
    asked += 1;
    if (asked % 2 === 0) return false;
    response.writeHead(503).end();
    return true;
  };
  const params = { operation: 'convert', dataset: 123, targetFormat: 'coco', output: folder };
  expect(await runAction('dataset', params, runtime)).toMatchObject({ imageCount: 3, annotationCount: 2 });
  expect(await readdir(join(folder, 'coco'))).toEqual(['annotations.json', 'images']);
});
