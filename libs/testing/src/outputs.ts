import type { SignalWait, Step } from '@counterstep/core';
import { sampleOf } from './samples.js';

/** What steps and signals give where a test does not say it: as told, else a sample of their schema. */
export class Outputs {
  readonly #samples = new Map<object, unknown>();

  /** `told`: by path (`ship/book`, `reserve/*` or `reserve/0`), by name of the step, or of a signal by its name. */
  constructor(private readonly told: Readonly<Record<string, unknown>> = {}) {}

  of(path: string, step: Pick<Step | SignalWait, 'name' | 'output'>): unknown {
    const names = [path, path.replaceAll(/(?<=\/)\d+(?=\/|$)/g, '*'), step.name];
    return this.toldFor(names) ?? this.sample(step, `the output of ${path}`) ?? {};
  }

  /** The data of a signal that lets the saga go on. */
  ofSignal(path: string, wait: SignalWait): unknown {
    const told = this.toldFor([path, wait.name, wait.signal]);
    if (told !== undefined) return told;
    const sample = this.sample(wait, `the data of signal ${wait.signal}`);
    return wait.approval ? { ...(sample as object | undefined), approved: true } : sample;
  }

  private toldFor(names: readonly string[]): unknown {
    const name = names.find((each) => Object.hasOwn(this.told, each));
    return name === undefined ? undefined : structuredClone(this.told[name]);
  }

  private sample(from: Pick<Step | SignalWait, 'output'>, what: string): unknown {
    if (!from.output) return undefined;
    if (!this.#samples.has(from)) this.#samples.set(from, sampleOf(from.output, what));
    return structuredClone(this.#samples.get(from));
  }
}
