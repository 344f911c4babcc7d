import { join } from 'node:path';
import { z } from 'zod';
import { FileError, fileNameSchema, readJson } from '../files.js';
import type { Model, ModelLoader } from './model.js';
import type { AnnotationData } from './task-backend.js';

/** What the file of a linear model holds. */
export const linearModelSchema = z
  .object({
    kind: z.literal('linear'),
    /** The fields of an input, all of them numbers. */
    inputs: z.array(z.string()).min(1),
    /** The names of what it computes. */
    outputs: z.array(z.string()).min(1),
    /** For each output a row with a weight for each input. */
    weights: z.array(z.array(z.number())),
    /** For each output. */
    bias: z.array(z.number()),
    /** With `softmax` the outputs are classes: their values are probabilities, and the most probable is the label. */
    activation: z.enum(['none', 'softmax']).default('none'),
  })
  .refine(
    ({ inputs, outputs, weights, bias }) =>
      weights.length === outputs.length &&
      bias.length === outputs.length &&
      weights.every((row) => row.length === inputs.length),
    'weights must have a row for each output and in it a number for each input, bias a number for each output',
  );
export type LinearModelFile = z.output<typeof linearModelSchema>;

/**
 * Computes `weights · input + bias`. A prediction is `{ values: { OUTPUT: number } }`, and with `softmax` also the most
 * probable output as `label` and its probability as `score`.
 */
export class LinearModel implements Model {
  constructor(
    readonly name: string,
    private readonly file: LinearModelFile,
  ) {}

  async predict(inputs: readonly unknown[]): Promise<AnnotationData[]> {
    return inputs.map((input) => this.#predict(input));
  }

  #predict(input: unknown): AnnotationData {
    const { inputs, outputs, weights, bias, activation } = this.file;
    const vector = inputs.map((field) => this.#number(input, field));
    const sums = weights.map((row, index) =>
      row.reduce((sum, weight, at) => sum + weight * (vector[at] ?? 0), bias[index] ?? 0),
    );
    const results = activation === 'softmax' ? softmax(sums) : sums;
    const values = Object.fromEntries(outputs.map((name, index) => [name, results[index] ?? 0]));
    if (activation === 'none') return { values };
    const score = Math.max(...results);
    return { label: outputs[results.indexOf(score)] ?? '', score, values };
  }

  #number(input: unknown, field: string): number {
    const value = (input as Record<string, unknown> | null)?.[field];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new TypeError(`model '${this.name}' needs a number '${field}'`);
  }
}

function softmax(sums: readonly number[]): number[] {
  // Less the greatest: the exponential of a large sum would be infinite.
  const greatest = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - greatest));
  const total = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / total);
}

/** Linear models in a local folder: the model `prices` is the file `prices.json`. */
export class LinearModelLoader implements ModelLoader {
  constructor(private readonly folder: string) {}

  /** @throws FileError when the name is refused, or the file is missing, unreadable or broken. */
  async load(name: string, signal?: AbortSignal): Promise<LinearModel> {
    const checked = fileNameSchema.safeParse(`${name}.json`);
    if (!checked.success)
      throw new FileError('FILE_INVALID', name, 'a model has a plain name, without a path');
    return new LinearModel(name, await readJson(join(this.folder, checked.data), linearModelSchema, signal));
  }
}
