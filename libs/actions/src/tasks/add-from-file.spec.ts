import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StepRegistry } from '@counterstep/steps';
import { BaseStep, StepResult } from '@counterstep/steps';
import { recording } from '../../test-support/runtime.js';
import { annotationsIn, asBefore, failingAt, someTasks } from '../../test-support/task-runs.js';
import { refusal } from '../backend/errors.js';
import { runAction } from '../run-action.js';
import { AddTaskDataAction } from './add-task-data-action.js';
import type { AddTaskDataContext } from './add-task-data-context.js';
import { AddTaskDataMethod } from './add-task-data-params.js';
import type { AnnotationData, Task, TaskBackend } from './task-backend.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'task-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

const labels = [1, 2, 4].map((task) => ({ task, annotation: { label: `l${task}` } }));
const labelled = [{ label: 'l1' }, { label: 'l2' }, null, { label: 'l4' }, null];

async function given(content: unknown, name = 'labels.json'): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const paramsOf = (file: string, more: object = {}) => ({
  method: AddTaskDataMethod.FILE,
  project: 1,
  file,
  ...more,
});
const runtimeOf = (tasks: TaskBackend) => recording({ backend: { tasks } });

class Boom extends BaseStep<AddTaskDataContext> {
  readonly name = 'boom';
  readonly progressWeight = 0;
  execute(): StepResult {
    return new StepResult({ success: false, error: 'boom' });
  }
}

class FailingAfter extends AddTaskDataAction {
  override setupSteps(registry: StepRegistry<AddTaskDataContext>): void {
    super.setupSteps(registry);
    registry.register(new Boom());
  }
}

describe('annotations from a file', () => {
  test('are saved, in place of those there were', async () => {
    const tasks = someTasks();
    const runtime = runtimeOf(tasks);
    const result = await new AddTaskDataAction(paramsOf(await given(labels)), runtime).run();
    expect(result).toEqual({ success: true, stepsExecuted: 4, stepsTotal: 4, annotatedCount: 3 });
    expect(await annotationsIn(tasks)).toEqual(labelled);
    const percents = runtime.progress
      .filter(([, , category]) => category === 'overall')
      .map(([percent]) => percent);
    expect(percents).toEqual([5, 20, 50, 100]);
    expect(runtime.metrics.at(-1)).toEqual([{ saved: 3, waiting: 0 }, 'upload_annotations']);
  });

  test('may stand one in a line', async () => {
    const tasks = someTasks();
    const text = labels.map((entry) => `${JSON.stringify(entry)}\r\n`).join('\n');
    const file = await given(text, 'labels.JSONL');
    expect(await runAction('add_task_data', paramsOf(file), runtimeOf(tasks))).toMatchObject({
      annotatedCount: 3,
    });
    expect(await annotationsIn(tasks)).toEqual(labelled);
  });

  test('are checked and changed by processTask, which knows the task', async () => {
    class Mine extends AddTaskDataAction {
      override processTask(task: Task, annotation: AnnotationData): AnnotationData {
        if (task.data['rooms'] === 9) throw new Error('too many rooms');
        return { ...annotation, rooms: task.data['rooms'] ?? null };
      }
    }
    const tasks = someTasks();
    await new Mine(paramsOf(await given(labels)), runtimeOf(tasks)).run();
    expect((await annotationsIn(tasks))[3]).toEqual({ label: 'l4', rooms: 4 });
    class Strict extends AddTaskDataAction {
      override processTask(task: Task): AnnotationData {
        throw new Error(`no good: ${task.id}`);
      }
    }
    await expect(new Strict(paramsOf(await given(labels)), runtimeOf(tasks)).run()).rejects.toMatchObject({
      step: 'process_tasks',
      message: expect.stringContaining('task 1: no good: 1'),
    });
  });

  test.each<[string, unknown, string]>([
    ['is no JSON', '[{]', 'it is no JSON'],
    ['is no list', { task: 1 }, 'expected array'],
    ['has an entry without a task', [{ annotation: {} }], 'task'],
    ['has an annotation that is no object', [{ task: 1, annotation: 'tree' }], 'annotation'],
    ['names a task twice', [labels[0], labels[0]], 'task 1 stands there twice'],
    [
      'names a task of another project',
      [...labels, { task: 77, annotation: {} }],
      'project 1 has no task 77',
    ],
    ['is empty', '', 'it is empty'],
  ])('whose file %s are refused: the file is named, and nothing is saved', async (_, content, reason) => {
    const tasks = someTasks();
    const file = await given(content);
    await expect(new AddTaskDataAction(paramsOf(file), runtimeOf(tasks)).run()).rejects.toMatchObject({
      message: expect.stringContaining(`${file}: `),
      cause: expect.objectContaining({ code: 'FILE_INVALID', message: expect.stringContaining(reason) }),
      retryable: false,
    });
    expect(await annotationsIn(tasks)).toEqual(asBefore);
  });

  test('name the line that is broken', async () => {
    const file = await given(`${JSON.stringify(labels[0])}\n\n{"task": 2}\n`, 'labels.ndjson');
    await expect(new AddTaskDataAction(paramsOf(file), runtimeOf(someTasks())).run()).rejects.toThrow(
      'labels.ndjson, line 3: ',
    );
  });

  test('need a file that is there, of a known form, and not too large', async () => {
    const run = (params: object) => new AddTaskDataAction(params, runtimeOf(someTasks())).run();
    const refused = (code: string) => ({ step: 'validate_file', cause: expect.objectContaining({ code }) });
    await expect(run(paramsOf(join(folder, 'none.json')))).rejects.toMatchObject(refused('FILE_NOT_FOUND'));
    await mkdir(join(folder, 'folder.json'));
    await expect(run(paramsOf(join(folder, 'folder.json')))).rejects.toMatchObject(
      refused('FILE_UNREADABLE'),
    );
    await expect(run(paramsOf(await given('x', 'labels.csv')))).rejects.toMatchObject(
      refused('FILE_INVALID'),
    );
    const file = await given(labels);
    await expect(run(paramsOf(file, { maxBytes: 10 }))).rejects.toMatchObject(refused('FILE_TOO_LARGE'));
  });

  test('need parameters of their method', async () => {
    for (const params of [
      paramsOf('x.json', { paralelism: 1 }),
      { method: 'file', project: 1 },
      { method: 'guess' },
      { ...paramsOf('x'), parallelism: 0 },
    ]) {
      await expect(new AddTaskDataAction(params, runtimeOf(someTasks())).run()).rejects.toMatchObject({
        code: 'PARAMS_INVALID',
      });
    }
  });
});

describe('saved annotations', () => {
  test('are put back to what they were when a later step fails', async () => {
    const tasks = someTasks();
    await expect(
      new FailingAfter(paramsOf(await given(labels)), runtimeOf(tasks)).run(),
    ).rejects.toMatchObject({
      step: 'boom',
      rollbackFailures: [],
    });
    expect(await annotationsIn(tasks)).toEqual(asBefore);
    expect(await tasks.annotation(1)).toMatchObject({ revision: 'old' });
  });

  test('are put back when one of them cannot be saved', async () => {
    const tasks = someTasks();
    const failing = failingAt(tasks, 4, async () => {
      throw refusal(422, 'no more labels');
    });
    await expect(
      new AddTaskDataAction(paramsOf(await given(labels)), runtimeOf(failing)).run(),
    ).rejects.toMatchObject({
      step: 'upload_annotations',
      message: "Step 'upload_annotations' failed: no more labels",
    });
    expect(await annotationsIn(tasks)).toEqual(asBefore);
  });

  test('are put back when nobody knows whether one of them was saved', async () => {
    const tasks = someTasks();
    const failing = failingAt(tasks, 4, async () => {
      await tasks.replaceAnnotation(4, null, { revision: 'lost', data: {} });
      throw new Error('no answer');
    });
    // The revision is not the one that the step made up, so it is somebody else's: left alone, and named.
    await expect(
      new AddTaskDataAction(paramsOf(await given(labels)), runtimeOf(failing)).run(),
    ).rejects.toThrow(/no answer; the former annotation of task 4 was not put back/);
    expect(await annotationsIn(tasks)).toEqual([{ label: 'old' }, null, null, {}, null]);
    const unsure = someTasks();
    const silent: TaskBackend = {
      countTasks: (project) => unsure.countTasks(project),
      tasks: (project) => unsure.tasks(project),
      annotation: (task) => unsure.annotation(task),
      replaceAnnotation: async (task, former, next) => {
        await unsure.replaceAnnotation(task, former, next);
        if (task === 4 && next) throw new Error('no answer');
      },
    };
    await expect(
      new AddTaskDataAction(paramsOf(await given(labels)), runtimeOf(silent)).run(),
    ).rejects.toThrow(/no answer$/);
    expect(await annotationsIn(unsure)).toEqual(asBefore);
  });

  test('that somebody has changed since are left alone and named, and the others put back', async () => {
    const tasks = someTasks();
    class Meddling extends FailingAfter {
      override setupSteps(registry: StepRegistry<AddTaskDataContext>): void {
        super.setupSteps(registry);
        registry.insertBefore(
          'boom',
          new (class extends BaseStep<AddTaskDataContext> {
            readonly name = 'meddle';
            readonly progressWeight = 0;
            async execute(): Promise<StepResult> {
              const { revision } = (await tasks.annotation(2))!;
              await tasks.replaceAnnotation(2, revision, { revision: 'theirs', data: { label: 'theirs' } });
              return new StepResult();
            }
          })(),
        );
      }
    }
    await expect(new Meddling(paramsOf(await given(labels)), runtimeOf(tasks)).run()).rejects.toMatchObject({
      step: 'boom',
      rollbackFailures: [
        expect.stringMatching(
          /'upload_annotations': the former annotation of task 2 was not put back.*somebody else/,
        ),
      ],
    });
    expect(await annotationsIn(tasks)).toEqual([{ label: 'old' }, { label: 'theirs' }, null, null, null]);
  });
});
