import { afterEach, describe, expect, test } from '@jest/globals';
import type { Served } from '../../test-support/serve.js';
import { serve } from '../../test-support/serve.js';
import { taskRoutes } from '../../test-support/task-routes.js';
import type { MemoryTasksSeed } from '../tasks/memory-tasks.js';
import type { TaskBackend } from '../tasks/task-backend.js';
import { HttpBackend } from './http-backend.js';
import { MemoryBackend } from './memory-backend.js';

const open: Served[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const first = { revision: 'r1', data: { label: 'tree' } };
const seed: MemoryTasksSeed = {
  tasks: [
    { projectId: 1, id: 3, data: { width: 3 } },
    { projectId: 1, id: 1, data: { width: 1 }, annotation: first },
    { projectId: 1, id: 2, data: {} },
    { projectId: 2, id: 9, data: {} },
  ],
};

const kinds: Record<string, () => Promise<TaskBackend>> = {
  'in memory': async () => new MemoryBackend(seed).tasks,
  'over HTTP': async () => {
    const server = await serve(taskRoutes(new MemoryBackend(seed).tasks, 2));
    open.push(server);
    return new HttpBackend({ baseUrl: server.url }).tasks;
  },
};

describe.each(Object.keys(kinds))('a backend for tasks %s', (kind) => {
  const make = async () => kinds[kind]!();

  test('gives the tasks of a project, by id', async () => {
    const tasks = await make();
    const found: unknown[] = [];
    for await (const task of tasks.tasks(1)) found.push(task);
    expect(found).toEqual([
      { id: 1, data: { width: 1 } },
      { id: 2, data: {} },
      { id: 3, data: { width: 3 } },
    ]);
    expect(await tasks.countTasks(1)).toBe(3);
    expect(await tasks.countTasks(7)).toBe(0);
  });

  test('knows annotations, and their absence', async () => {
    const tasks = await make();
    expect(await tasks.annotation(1)).toEqual(first);
    expect(await tasks.annotation(2)).toBeNull();
    await expect(tasks.annotation(4)).rejects.toMatchObject({ code: 'BACKEND_REFUSED', status: 404 });
    await expect(tasks.replaceAnnotation(4, null, first)).rejects.toMatchObject({ status: 404 });
  });

  test('replaces an annotation whose revision is known, as often as the call is repeated', async () => {
    const tasks = await make();
    const second = { revision: 'r2', data: { label: 'car' } };
    await tasks.replaceAnnotation(1, 'r1', second);
    await tasks.replaceAnnotation(1, 'r1', second);
    expect(await tasks.annotation(1)).toEqual(second);
    await tasks.replaceAnnotation(1, 'r2', first);
    expect(await tasks.annotation(1)).toEqual(first);
    await tasks.replaceAnnotation(1, 'r1', null);
    await tasks.replaceAnnotation(1, 'r1', null);
    expect(await tasks.annotation(1)).toBeNull();
    await tasks.replaceAnnotation(2, null, second);
    expect(await tasks.annotation(2)).toEqual(second);
  });

  test('refuses to replace what it does not expect', async () => {
    const tasks = await make();
    const second = { revision: 'r2', data: {} };
    for (const former of ['r0', null]) {
      await expect(tasks.replaceAnnotation(1, former, second)).rejects.toMatchObject({
        status: 409,
        message: expect.stringContaining('task 1 was changed by somebody else'),
      });
    }
    await expect(tasks.replaceAnnotation(2, 'r1', second)).rejects.toMatchObject({ status: 409 });
    expect(await tasks.annotation(1)).toEqual(first);
  });
});
