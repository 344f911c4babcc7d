import type { BaseStepContext, StepRunOptions, StepRunSummary } from '@counterstep/steps';
import { StepOrchestrator, StepRegistry, reasonOf } from '@counterstep/steps';
import { z } from 'zod';
import { ActionError } from './errors.js';
import type { ActionRuntime } from './runtime.js';

/**
 * An operation with checked parameters: either steps, which it registers in `setupSteps`, or, when one phase is enough,
 * an `execute` of its own. `Result` is what it resolves with.
 */
export abstract class BaseAction<
  Params,
  C extends BaseStepContext = BaseStepContext,
  Result extends object = StepRunSummary,
> {
  /** What the parameters must be; its output is `Params`. */
  abstract readonly paramsSchema: z.ZodType<Params>;
  readonly ctx: ActionRuntime;
  readonly #given: unknown;
  #params: { readonly value: Params } | undefined;
  #registry: StepRegistry<C> | undefined;
  #runOptions: StepRunOptions = {};
  #stepsRan = false;

  constructor(params: unknown, ctx: ActionRuntime) {
    this.#given = params;
    this.ctx = ctx;
  }

  /** @throws ActionError `PARAMS_INVALID`, naming each parameter that is wrong. */
  get params(): Params {
    this.#params ??= { value: this.#parse() };
    return this.#params.value;
  }

  /** Registers the steps, in their order. Nothing by default. */
  setupSteps(_registry: StepRegistry<C>): void {}

  /** What the steps of one run share. To be defined by every action that registers steps. */
  createContext(): C {
    throw new ActionError(
      'NO_CONTEXT',
      `${this.constructor.name} registers steps, so it must define createContext().`,
    );
  }

  /**
   * Checks the parameters, then executes.
   * @throws ActionError `PARAMS_INVALID`, before anything is done.
   * @throws StepExecutionError when a step failed or the run was stopped: what was done is rolled back.
   */
  async run(options: StepRunOptions = {}): Promise<Result> {
    this.#params = { value: this.#parse() };
    this.#registry = new StepRegistry<C>();
    this.#stepsRan = false;
    this.#runOptions = options;
    this.setupSteps(this.#registry);
    const result = await this.execute(options);
    if (this.#registry.length > 0 && !this.#stepsRan) {
      throw new ActionError(
        'STEPS_NOT_RUN',
        `${this.constructor.name} registers steps, but its execute() does not run them: call super.execute(options).`,
      );
    }
    return result;
  }

  /**
   * Runs the registered steps, with the options of `run` where none are given here. An action without steps does its work here
   * instead.
   */
  async execute(options: StepRunOptions = {}): Promise<Result> {
    const registry = this.#registry;
    if (!registry || registry.length === 0) {
      throw new ActionError(
        'NOTHING_TO_RUN',
        `${this.constructor.name} has nothing to run: register steps in setupSteps(), or define execute(), and call run().`,
      );
    }
    this.#stepsRan = true;
    const context = this.createContext();
    const report = (percent: number, total: number) => this.ctx.setProgress(percent, total, 'overall');
    try {
      // One that overrides this and passes nothing on must not take the caller's signal away.
      const all = { ...this.#runOptions, ...options };
      const summary = await new StepOrchestrator(registry, context, report, all).execute();
      return this.resultOf(context, summary);
    } finally {
      await this.release(context).catch((thrown: unknown) => {
        context.log('release_failed', { error: reasonOf(thrown) });
      });
    }
  }

  /** Lets go of what the run held, such as temporary files, whatever became of it. When it fails, that is only logged. */
  protected async release(_context: C): Promise<void> {}

  /** What the action resolves with after its steps. To be defined together with `Result`; by default the run's summary. */
  protected resultOf(_context: C, summary: StepRunSummary): Result {
    // `Result` is StepRunSummary unless a subclass says otherwise, and then it overrides this.
    return summary as unknown as Result;
  }

  #parse(): Params {
    const parsed = this.paramsSchema.safeParse(this.#given);
    if (parsed.success) return parsed.data;
    throw new ActionError(
      'PARAMS_INVALID',
      `${this.constructor.name} cannot run with these parameters:\n${z.prettifyError(parsed.error)}`,
      {
        cause: parsed.error,
      },
    );
  }
}
