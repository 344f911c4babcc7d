import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { BaseStep, StepResult } from '@counterstep/steps';
import { StepRegistry } from '@counterstep/steps';
import { recording } from '../../test-support/runtime.js';
import { annotationsIn, asBefore, someTasks } from '../../test-support/task-runs.js';
import { AddTaskDataAction } from './add-task-data-action.js';
import type { AddTaskDataContext } from './add-task-data-context.js';
import type { ModelLoader } from './model.js';

// What each built-in step puts into the context, and takes out of it again.
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'task-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

const { signal } = new AbortController();
const tasks = someTasks;
const models: ModelLoader = {
  load: async (name) => ({ name, predict: async (inputs) => inputs.map(() => ({ label: 'tree' })) }),
};

async function stepsOf(method: 'file' | 'inference') {
  const file = join(folder, 'labels.json');
  await writeFile(file, JSON.stringify([{ task: 1, annotation: { label: 'tree' } }]));
  const params = { method, project: 1, ...(method === 'file' ? { file } : { model: 'trees', tasks: [1] }) };
  const backend = { tasks: tasks() };
  const action = new AddTaskDataAction(params, recording({ backend, models }));
  const registry = new StepRegistry<AddTaskDataContext>();
  action.setupSteps(registry);
  return { context: action.createContext(), steps: registry.getSteps(), backend };
}

/** A context after the steps up to the one named, and what that one returned. */
async function after(method: 'file' | 'inference', name: string) {
  const { context, steps, backend } = await stepsOf(method);
  for (const step of steps) {
    const result: StepResult = await step.execute(context, signal);
    if (step.name === name) return { context, step, result, backend };
  }
  throw new Error(`there is no step ${name}`);
}

const namesOf = (steps: BaseStep<AddTaskDataContext>[]) =>
  steps.map(({ name, progressWeight }) => [name, progressWeight]);

test('each method has its four steps', async () => {
  expect(namesOf((await stepsOf('file')).steps)).toEqual([
    ['validate_file', 0.05],
    ['load_annotations', 0.15],
    ['process_tasks', 0.3],
    ['upload_annotations', 0.5],
  ]);
  expect(namesOf((await stepsOf('inference')).steps)).toEqual([
    ['load_model', 0.1],
    ['run_inference', 0.5],
    ['format_results', 0.1],
    ['upload_annotations', 0.3],
  ]);
});

const annotation = [{ task: 1, annotation: { label: 'tree' } }];
const task = { id: 1, data: { area: 10, rooms: 1 } };

describe.each<['file' | 'inference', string, keyof AddTaskDataContext, unknown]>([
  ['file', 'validate_file', 'fileBytes', 42],
  ['file', 'load_annotations', 'annotations', annotation],
  ['file', 'process_tasks', 'taskData', annotation],
  ['inference', 'load_model', 'model', expect.objectContaining({ name: 'trees' })],
  ['inference', 'run_inference', 'predictions', [{ task, prediction: { label: 'tree' } }]],
  ['inference', 'format_results', 'taskData', [{ task: 1, annotation: { label: 'tree', model: 'trees' } }]],
])('%s: %s', (method, name, field, value) => {
  test(`has ${field}; its rollback has not`, async () => {
    const { context, step, result } = await after(method, name);
    expect(context[field]).toEqual(value);
    await step.rollback(context, result, signal);
    expect(context[field]).toBeNull();
  });
});

describe.each(['file', 'inference'] as const)('%s: upload_annotations', (method) => {
  test('has annotated the tasks; its rollback has put back what was there', async () => {
    const { context, step, result, backend } = await after(method, 'upload_annotations');
    expect(context.annotatedCount).toBe(1);
    expect((await annotationsIn(backend.tasks))[0]).toMatchObject({ label: 'tree' });
    await step.rollback(context, result, signal);
    await step.rollback(context, result, signal);
    expect(context.annotatedCount).toBe(0);
    expect(await annotationsIn(backend.tasks)).toEqual(asBefore);
  });
});
