import { BaseStep, BaseStepContext, StepResult } from '../src/index.js';
import type { RuntimeContext } from '../src/index.js';

/** The fields of an object, without its class. */
export const fieldsOf = (value: object): Record<string, unknown> => Object.fromEntries(Object.entries(value));

export interface Told {
  readonly logs: { event: string; data: Readonly<Record<string, unknown>>; file: string | undefined }[];
  readonly progress: [current: number, total: number, category: string | undefined][];
  readonly metrics: [values: Readonly<Record<string, unknown>>, category: string | undefined][];
}

/** A runtime that keeps what it is told. */
export class RecordingRuntime implements RuntimeContext, Told {
  readonly logs: Told['logs'] = [];
  readonly progress: Told['progress'] = [];
  readonly metrics: Told['metrics'] = [];
  readonly env = { HOME: '/home' };
  readonly client = {
    uploadFile: async (path: string): Promise<string> => `id of ${path}`,
    deleteFile: async (): Promise<void> => {},
  };

  log(event: string, data: Readonly<Record<string, unknown>>, file?: string): void {
    this.logs.push({ event, data, file });
  }
  setProgress(current: number, total: number, category?: string): void {
    this.progress.push([current, total, category]);
  }
  setMetrics(values: Readonly<Record<string, unknown>>, category?: string): void {
    this.metrics.push([values, category]);
  }
}

/** A context that keeps, in order, what the steps did: `name` for execute, `undo name` for rollback. */
export class TestContext extends BaseStepContext {
  readonly did: string[] = [];
  readonly told: RecordingRuntime;
  constructor() {
    const told = new RecordingRuntime();
    super(told);
    this.told = told;
  }
}

/** What a step does; whatever is left out goes well. It may return anything, as steps written without types may. */
export interface Behaviour {
  readonly weight?: number;
  readonly execute?: (context: TestContext, signal: AbortSignal) => unknown;
  readonly canSkip?: (context: TestContext, signal: AbortSignal) => unknown;
  readonly rollback?: (context: TestContext, result: StepResult, signal: AbortSignal) => unknown;
}

class TestStep extends BaseStep<TestContext> {
  constructor(
    readonly name: string,
    readonly progressWeight: number,
    readonly behaviour: Behaviour,
  ) {
    super();
  }
  async execute(context: TestContext, signal: AbortSignal): Promise<StepResult> {
    context.did.push(this.name);
    const { execute = () => new StepResult() } = this.behaviour;
    return (await execute(context, signal)) as StepResult;
  }
  override async canSkip(context: TestContext, signal: AbortSignal): Promise<boolean> {
    const { canSkip = () => false } = this.behaviour;
    return (await canSkip(context, signal)) as boolean;
  }
  override async rollback(context: TestContext, result: StepResult, signal: AbortSignal): Promise<void> {
    context.did.push(`undo ${this.name}`);
    await this.behaviour.rollback?.(context, result, signal);
  }
}

export const step = (name: string, behaviour: Behaviour = {}): BaseStep<TestContext> =>
  new TestStep(name, behaviour.weight ?? 1, behaviour);

/** What it rejects with; fails when it does not reject. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const nothing = Symbol('it did not reject');
  const reason: unknown = await promise.then(
    () => nothing,
    (thrown: unknown) => thrown,
  );
  if (reason === nothing) throw new Error('it did not reject');
  return reason;
}
