import { createReadStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BaseStep, StepResult } from '@counterstep/steps';
import type { StepRegistry } from '@counterstep/steps';
import { z } from 'zod';
import { needed } from '../src/needed.js';
import { portOf } from '../src/runtime.js';
import { BaseTrainAction } from '../src/train/train-action.js';
import type { TrainContext } from '../src/train/train-context.js';

// A training in five steps: it fits y = w · x + b to the rows of a CSV file by gradient descent, and saves what it learned
// as the file of a LinearModel.
export const trainParamsSchema = z.object({
  csv: z.string(),
  folder: z.string(),
  name: z.string(),
  epochs: z.int().positive().default(2_000),
  learningRate: z.number().positive().default(0.1),
});
type TrainParams = z.output<typeof trainParamsSchema>;

interface Table {
  readonly inputs: string[];
  readonly rows: { x: number[]; y: number }[];
}
interface Line {
  weights: number[];
  bias: number;
}
type Training = TrainContext<TrainParams, Table, Line>;

const predicted = ({ weights, bias }: Line, x: readonly number[]) =>
  weights.reduce((sum, weight, index) => sum + weight * (x[index] ?? 0), bias);

class PrepareDatasetStep extends BaseStep<Training> {
  readonly name = 'prepare_dataset';
  readonly progressWeight = 0.1;

  async execute(context: Training): Promise<StepResult> {
    const text = await readFile(context.params.csv, 'utf8');
    const [head = '', ...lines] = text.trim().split('\n');
    const rows = lines.map((line, index) => {
      const numbers = line.split(',').map(Number);
      if (!numbers.every(Number.isFinite))
        throw new Error(`${context.params.csv}, line ${index + 2}: no numbers`);
      return { x: numbers.slice(0, -1), y: numbers.at(-1) ?? 0 };
    });
    context.dataset = { inputs: head.split(',').slice(0, -1), rows };
    return new StepResult({ data: { rows: rows.length } });
  }
}

class InitializeModelStep extends BaseStep<Training> {
  readonly name = 'initialize_model';
  readonly progressWeight = 0.05;

  execute(context: Training): StepResult {
    context.model = { weights: needed(context.dataset, 'prepare_dataset').inputs.map(() => 0), bias: 0 };
    return new StepResult();
  }
}

class TrainModelStep extends BaseStep<Training> {
  readonly name = 'train_model';
  readonly progressWeight = 0.7;

  execute(context: Training, signal: AbortSignal): StepResult {
    const { rows } = needed(context.dataset, 'prepare_dataset');
    const { epochs, learningRate } = context.params;
    const model = needed(context.model, 'initialize_model');
    for (let epoch = 1; epoch <= epochs; epoch += 1) {
      signal.throwIfAborted();
      const errors = rows.map(({ x, y }) => ({ x, error: predicted(model, x) - y }));
      const rate = (2 * learningRate) / rows.length;
      model.weights = model.weights.map(
        (weight, at) => weight - rate * errors.reduce((sum, { x, error }) => sum + error * (x[at] ?? 0), 0),
      );
      model.bias -= rate * errors.reduce((sum, { error }) => sum + error, 0);
      const loss = errors.reduce((sum, { error }) => sum + error ** 2, 0) / rows.length;
      context.reportEpoch(epoch, epochs, { loss });
    }
    return new StepResult();
  }
}

class SaveCheckpointStep extends BaseStep<Training, { path: string }> {
  readonly name = 'save_checkpoint';
  readonly progressWeight = 0.05;

  async execute(context: Training): Promise<StepResult<{ path: string }>> {
    const { folder, name } = context.params;
    const { weights, bias } = needed(context.model, 'initialize_model');
    const path = join(folder, `${name}.json`);
    const { inputs } = needed(context.dataset, 'prepare_dataset');
    const file = { kind: 'linear', inputs, outputs: ['y'], weights: [weights], bias: [bias] };
    await mkdir(folder, { recursive: true });
    await writeFile(path, JSON.stringify(file), { flag: 'wx' });
    context.checkpointPath = path;
    return new StepResult({ rollbackData: { path } });
  }

  override async rollback(context: Training, { rollbackData }: StepResult<{ path: string }>): Promise<void> {
    context.checkpointPath = null;
    if (rollbackData.path !== undefined) await rm(rollbackData.path, { force: true });
  }
}

class UploadModelStep extends BaseStep<Training, { key: string }> {
  readonly name = 'upload_model';
  readonly progressWeight = 0.1;

  async execute(context: Training, signal: AbortSignal): Promise<StepResult<{ key: string }>> {
    const key = `models/${context.params.name}.json`;
    const content = createReadStream(needed(context.checkpointPath, 'save_checkpoint'));
    await portOf(context.runtimeCtx, 'storage').write(key, content, signal);
    context.modelKey = key;
    return new StepResult({ rollbackData: { key } });
  }

  override async rollback(context: Training, { rollbackData }: StepResult<{ key: string }>): Promise<void> {
    context.modelKey = null;
    if (rollbackData.key !== undefined) await portOf(context.runtimeCtx, 'storage').delete(rollbackData.key);
  }
}

export class FitLine extends BaseTrainAction<TrainParams, Table, Line> {
  readonly paramsSchema = trainParamsSchema;

  override setupSteps(registry: StepRegistry<Training>): void {
    registry
      .register(new PrepareDatasetStep())
      .register(new InitializeModelStep())
      .register(new TrainModelStep())
      .register(new SaveCheckpointStep())
      .register(new UploadModelStep());
  }
}
