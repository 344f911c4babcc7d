import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StepRegistry } from '@counterstep/steps';
import { BaseStep, StepResult } from '@counterstep/steps';
import type { RecordingRuntime } from '../../test-support/runtime.js';
import { recording } from '../../test-support/runtime.js';
import { annotationsIn, asBefore, someTasks } from '../../test-support/task-runs.js';
import { AddTaskDataAction } from './add-task-data-action.js';
import type { AddTaskDataContext } from './add-task-data-context.js';
import { AddTaskDataMethod } from './add-task-data-params.js';
import { LinearModelLoader } from './linear-model.js';
import type { Model, ModelLoader } from './model.js';
import type { AnnotationData, Task, TaskBackend } from './task-backend.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models-'));
  const model = {
    kind: 'linear',
    inputs: ['area', 'rooms'],
    outputs: ['price'],
    weights: [[2, 10]],
    bias: [100],
  };
  await writeFile(join(folder, 'prices.json'), JSON.stringify(model));
});
afterEach(() => rm(folder, { recursive: true }));

const params = (more: object = {}) => ({
  method: AddTaskDataMethod.INFERENCE,
  project: 1,
  model: 'prices',
  ...more,
});
const runtimeOf = (
  tasks: TaskBackend,
  models: ModelLoader = new LinearModelLoader(folder),
): RecordingRuntime => recording({ backend: { tasks }, models });
const priced = (price: number) => ({ values: { price }, model: 'prices' });

/** A model that tells what happens to it. */
function watched(predict: Model['predict'] = async (inputs) => inputs.map(() => ({})), close?: () => void) {
  const told: string[] = [];
  const model: Model = {
    name: 'watched',
    predict: async (inputs, signal) => {
      told.push(`predict ${inputs.length}`);
      return predict(inputs, signal);
    },
    close: async () => {
      told.push('close');
      close?.();
    },
  };
  return { told, models: { load: async () => model } };
}

class Failing extends AddTaskDataAction {
  override setupSteps(registry: StepRegistry<AddTaskDataContext>): void {
    super.setupSteps(registry);
    registry.register(
      new (class extends BaseStep<AddTaskDataContext> {
        readonly name = 'boom';
        readonly progressWeight = 0;
        execute(): StepResult {
          return new StepResult({ success: false, error: 'boom' });
        }
      })(),
    );
  }
}

describe('annotations by a model', () => {
  test('are what the model computes of the data of each task', async () => {
    const tasks = someTasks();
    const runtime = runtimeOf(tasks);
    expect(await new AddTaskDataAction(params({ batchSize: 2 }), runtime).run()).toEqual({
      success: true,
      stepsExecuted: 4,
      stepsTotal: 4,
      annotatedCount: 5,
    });
    expect(await annotationsIn(tasks)).toEqual([130, 160, 190, 220, 250].map(priced));
    const overall = runtime.progress
      .filter(([, , category]) => category === 'overall')
      .map(([percent]) => percent);
    expect(overall).toEqual([10, 60, 70, 100]);
    expect(
      runtime.progress
        .filter(([, , category]) => category === 'run_inference')
        .map(([now, all]) => [now, all]),
    ).toEqual([2, 4, 5].map((now) => [now, 5]));
    expect(runtime.metrics).toContainEqual([{ predictions: 5 }, 'run_inference']);
  });

  test('are made for the tasks that are named', async () => {
    const tasks = someTasks();
    await new AddTaskDataAction(params({ tasks: [5, 2] }), runtimeOf(tasks)).run();
    expect(await annotationsIn(tasks)).toEqual([{ label: 'old' }, priced(160), null, null, priced(250)]);
    const run = new AddTaskDataAction(params({ tasks: [5, 77] }), runtimeOf(tasks)).run();
    await expect(run).rejects.toMatchObject({
      step: 'run_inference',
      message: expect.stringContaining('project 1 has no task 77'),
    });
  });

  test('are given and formed as the action says', async () => {
    class Mine extends AddTaskDataAction {
      override inputOf({ data }: Task): unknown {
        return { ...data, rooms: 0 };
      }
      override formatResult(task: Task, prediction: AnnotationData, model: Model): AnnotationData {
        return { task: task.id, prediction, by: model.name };
      }
    }
    const tasks = someTasks();
    await new Mine(params({ tasks: [3] }), runtimeOf(tasks)).run();
    expect((await annotationsIn(tasks))[2]).toEqual({
      task: 3,
      prediction: { values: { price: 160 } },
      by: 'prices',
    });
  });

  test('are put back when a later step fails', async () => {
    const tasks = someTasks();
    await expect(new Failing(params(), runtimeOf(tasks)).run()).rejects.toMatchObject({
      rollbackFailures: [],
    });
    expect(await annotationsIn(tasks)).toEqual(asBefore);
  });

  test('of a model that fails, or answers too little, are not saved', async () => {
    const tasks = someTasks();
    class NoRooms extends AddTaskDataAction {
      override inputOf(): unknown {
        return { area: 1 };
      }
    }
    await expect(new NoRooms(params(), runtimeOf(tasks)).run()).rejects.toMatchObject({
      step: 'run_inference',
      message: expect.stringContaining("model 'prices' needs a number 'rooms'"),
    });
    const { models } = watched(async () => [{}]);
    await expect(new AddTaskDataAction(params(), runtimeOf(tasks, models)).run()).rejects.toThrow(
      "model 'watched' made 1 predictions for 5 tasks",
    );
    expect(await annotationsIn(tasks)).toEqual(asBefore);
  });

  test('of a model that is not there say which', async () => {
    await expect(
      new AddTaskDataAction(params({ model: 'none' }), runtimeOf(someTasks())).run(),
    ).rejects.toMatchObject({
      step: 'load_model',
      message: expect.stringContaining('none.json: there is no such file'),
      retryable: false,
    });
    const without = recording({ backend: { tasks: someTasks() } });
    await expect(new AddTaskDataAction(params(), without).run()).rejects.toThrow("a runtime with 'models'");
  });
});

describe('a model', () => {
  test('is closed once, after the annotations are saved', async () => {
    const { told, models } = watched();
    await new AddTaskDataAction(params({ batchSize: 4 }), runtimeOf(someTasks(), models)).run();
    expect(told).toEqual(['predict 4', 'predict 1', 'close']);
  });

  test('is closed once when a later step fails', async () => {
    const { told, models } = watched();
    await expect(new Failing(params(), runtimeOf(someTasks(), models)).run()).rejects.toThrow('boom');
    expect(told).toEqual(['predict 5', 'close']);
  });

  test('that does not close does not undo what was saved', async () => {
    const { models } = watched(undefined, () => {
      throw new Error('it is stuck');
    });
    const runtime = runtimeOf(someTasks(), models);
    expect(await new AddTaskDataAction(params(), runtime).run()).toMatchObject({ annotatedCount: 5 });
    expect(runtime.logs).toEqual([{ event: 'release_failed', data: { error: 'it is stuck' } }]);
  });
});
