import { BaseStep, BaseStepContext, Orchestrator, StepRegistry, StepResult } from '../src/index.js';
import type { RuntimeContext, StepRunOptions, StepRunSummary } from '../src/index.js';

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

export const registryOf = (...steps: BaseStep<TestContext>[]): StepRegistry<TestContext> => {
  const registry = new StepRegistry<TestContext>();
  for (const one of steps) registry.register(one);
  return registry;
};

export const never = (): Promise<never> => new Promise(() => {});

/** A step that ends, as it is told, as soon as its signal is aborted. */
export const obedient = (name: string, end: () => Promise<StepResult>): BaseStep<TestContext> =>
  step(name, {
    execute: (_context, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(end()));
      }),
  });

export interface Begun {
  readonly context: TestContext;
  /** Its signal is that of the run, unless the options have another. */
  readonly controller: AbortController;
  readonly running: Promise<StepRunSummary>;
}

export function begin(steps: BaseStep<TestContext>[], options: StepRunOptions = {}): Begun {
  const context = new TestContext();
  const controller = new AbortController();
  const all = { signal: controller.signal, ...options };
  const running = new Orchestrator(registryOf(...steps), context, undefined, all).execute();
  // A rejection before the test looks at it is not an unhandled one.
  running.catch(() => {});
  return { context, controller, running };
}

/** Runs the steps to the end, be it a good one or not. */
export async function endOf(
  ...steps: BaseStep<TestContext>[]
): Promise<{ context: TestContext; error: unknown }> {
  const { context, running } = begin(steps);
  const error: unknown = await running.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { context, error };
}
