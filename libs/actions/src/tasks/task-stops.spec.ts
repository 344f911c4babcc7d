import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StepRunOptions } from '@counterstep/steps';
import { recording } from '../../test-support/runtime.js';
import { annotationsIn, asBefore, someTasks } from '../../test-support/task-runs.js';
import { AddTaskDataAction } from './add-task-data-action.js';
import type { AnnotationData, Task, TaskBackend } from './task-backend.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'task-data-'));
  const labels = [1, 2, 3, 4, 5].map((task) => ({ task, annotation: { label: `l${task}` } }));
  await writeFile(join(folder, 'labels.json'), JSON.stringify(labels));
});
afterEach(() => rm(folder, { recursive: true }));

const fromFile = (more: object = {}) => ({
  method: 'file',
  project: 1,
  file: join(folder, 'labels.json'),
  ...more,
});
const byModel = { method: 'inference', project: 1, model: 'trees' };
const models = {
  load: async (name: string) => ({
    name,
    predict: async (inputs: readonly unknown[]) => inputs.map(() => ({})),
  }),
};
const runtimeOf = (tasks: TaskBackend) => recording({ backend: { tasks }, models });

test('as many annotations are saved at the same time as the parameters allow', async () => {
  const tasks = someTasks();
  const save = tasks.replaceAnnotation.bind(tasks);
  let saving = 0;
  let most = 0;
  let go = () => {};
  const full = new Promise<void>((resolve) => (go = resolve));
  tasks.replaceAnnotation = async (...given) => {
    saving += 1;
    most = Math.max(most, saving);
    if (saving === 2) go();
    await full;
    // More of them would begin meanwhile, if they might.
    await new Promise(setImmediate);
    await save(...given);
    saving -= 1;
  };
  await new AddTaskDataAction(fromFile({ parallelism: 2 }), runtimeOf(tasks)).run();
  expect(most).toBe(2);
});

describe('adding data to tasks that is stopped', () => {
  test('while it saves puts back what there was', async () => {
    const tasks = someTasks();
    const stop = new AbortController();
    const runtime = runtimeOf(tasks);
    const told = runtime.setProgress;
    runtime.setProgress = (current, total, category) => {
      if (category === 'upload_annotations' && current === 2) stop.abort(new Error('nobody waits'));
      told(current, total, category);
    };
    const run = new AddTaskDataAction(fromFile({ parallelism: 1 }), runtime).run({ signal: stop.signal });
    await expect(run).rejects.toMatchObject({
      code: 'ABORTED',
      message: "Step 'upload_annotations' failed: nobody waits",
    });
    expect(await annotationsIn(tasks)).toEqual(asBefore);
  });

  test.each([
    ['process_tasks', () => fromFile()],
    ['format_results', () => byModel],
  ])('in %s asks about no other task', async (step, params) => {
    const stop = new AbortController();
    const asked: number[] = [];
    const ask = ({ id }: Task, data: AnnotationData): AnnotationData => {
      asked.push(id);
      if (id === 2) stop.abort(new Error('nobody waits'));
      return data;
    };
    class Asking extends AddTaskDataAction {
      override processTask = ask;
      override formatResult = ask;
    }
    const tasks = someTasks();
    const run = new Asking(params(), runtimeOf(tasks)).run({ signal: stop.signal });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED', step });
    expect(asked).toEqual([1, 2]);
    expect(await annotationsIn(tasks)).toEqual(asBefore);
  });

  test('has a minute to put back what there was, unless its options say otherwise', async () => {
    const given: unknown[] = [];
    class Seen extends AddTaskDataAction {
      override async execute(options: StepRunOptions = {}) {
        given.push(options.graceMs);
        return super.execute(options);
      }
    }
    await new Seen(fromFile(), runtimeOf(someTasks())).run();
    await new Seen(fromFile(), runtimeOf(someTasks())).run({ graceMs: 5 });
    expect(given).toEqual([60_000, 5]);
  });
});
