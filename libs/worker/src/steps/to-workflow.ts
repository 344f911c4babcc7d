import { WorkflowBuilder, type RetryPolicy, type Undo, type Workflow } from '@counterstep/core';
import type { JsonObject } from '@counterstep/protocol';
import type { BaseStepContext, StepRegistry } from '@counterstep/steps';
import * as z from 'zod';
import { WorkerConfigError } from '../errors.js';
import { compensationHandler, stepHandler, type Handler } from '../handlers.js';
import { HostedStep, type Host } from './host-step.js';
import { NO_CLIENT, type HostContext, type HostedRuntime, type HostedWorld } from './runtime.js';
import type { HostedStepResult } from './stored-result.js';
import { stateAfter } from './travelling-context.js';

/** How a registry's steps become a workflow. Durations in milliseconds. */
export interface ToWorkflowOptions<
  C extends BaseStepContext,
  Input extends z.ZodType = z.ZodType<JsonObject>,
> extends Partial<HostedWorld> {
  /**
   * A fresh context, before each execution and each rollback, of what the saga was started with. What earlier steps made
   * of its fields is then put into it.
   */
  readonly createContext: (runtimeCtx: HostedRuntime, input: z.output<Input>) => C | Promise<C>;
  /** Checks what a saga is started with. */
  readonly input?: Input;
  /** The queue that the worker serves; default: the workflow's name. */
  readonly queue?: string;
  /** Of the workflow: a whole number, default 1. One worker may host several. */
  readonly version?: number;
  /** Fields of the context that do not travel, as `createContext` makes them anew: a connection, a cache. */
  readonly local?: readonly (keyof C & string)[];
  /** How long a step may take with no sign of life until its outcome is unknown; default 30,000. Progress is a sign of life. */
  readonly timeout?: number;
  /** How often a step is tried again that nobody has heard of in time. A step that fails is not. */
  readonly retry?: Partial<RetryPolicy>;
  /** How often a rollback that throws is tried again, until a person is asked. */
  readonly undoRetry?: Partial<RetryPolicy>;
  /** How long all steps together may take, until the saga is undone; no limit by default. */
  readonly sagaTimeout?: number;
  /**
   * `external` by default, as steps touch the outside world, which no transaction of the barrier can take back. `none`
   * needs no database, and gives up that a step whose rollback began is not executed any more.
   */
  readonly barrier?: 'external' | 'none';
  /** What input, results and changes of the context may add up to, in bytes of JSON; default 900,000. */
  readonly maxStateBytes?: number;
}

/** What `toWorkflow` makes. */
export interface HostedSteps<Input = JsonObject> {
  /** For the orchestrator. It is data alone: `JSON.stringify(workflow)` is all that an orchestrator needs to know. */
  readonly workflow: Workflow<Input, Readonly<Record<string, HostedStepResult>>>;
  /** For `createWorker`: an action and a compensation for each step. */
  readonly handlers: readonly Handler[];
  /** The same by their names, for `runInProcess` of @counterstep/engine. */
  readonly functions: Readonly<Record<string, (input: unknown, context: HostContext) => unknown>>;
  /** The fields of the context, as the steps with these results (`stepResults` of the saga's status) left them. */
  stateOf(stepResults: Readonly<Record<string, unknown>>): JsonObject;
}

const ROLLBACK = 'rollback';
const MAX_STATE_BYTES = 900_000;
const OPTIONS: ReadonlySet<string> = new Set(
  Object.keys({
    createContext: true,
    input: true,
    queue: true,
    version: true,
    local: true,
    env: true,
    client: true,
    timeout: true,
    retry: true,
    undoRetry: true,
    sagaTimeout: true,
    barrier: true,
    maxStateBytes: true,
  } satisfies Record<keyof ToWorkflowOptions<BaseStepContext>, true>),
);

/**
 * Makes of the steps that are registered now a workflow, and the handlers that run it: each step is a step of the saga, its
 * `rollback` the compensation, its `rollbackData` the undo data. docs/guides/steps.md tells what differs from a run in one
 * process. A step object then serves many sagas at the same time.
 * @throws ValidationError of core, `INVALID_WORKFLOW`, when a name or an option cannot be one of a workflow.
 * @throws WorkerConfigError when two names hide one another, or an option that core does not know of cannot be.
 */
export function toWorkflow<C extends BaseStepContext, Input extends z.ZodType = z.ZodType<JsonObject>>(
  name: string,
  registry: StepRegistry<C>,
  options: ToWorkflowOptions<C, Input>,
): HostedSteps<z.output<Input>> {
  const { queue = name, version = 1, barrier = 'external', input } = options;
  const steps = registry.getSteps();
  const names = steps.map((step) => step.name);
  checkOptions(name, names, options);
  const builder = new WorkflowBuilder<unknown>(name, { version, ...(input && { input }) });
  if (options.retry) builder.withRetryConfig(options.retry);
  if (options.sagaTimeout !== undefined) builder.withSagaTimeout(options.sagaTimeout);
  const host: Host<C> = {
    names,
    input,
    createContext: options.createContext,
    local: new Set(options.local),
    world: { env: options.env ?? {}, client: options.client ?? NO_CLIENT },
    maxStateBytes: options.maxStateBytes ?? MAX_STATE_BYTES,
  };
  // Versions differ in their steps, and a worker must be able to host them side by side.
  const prefix = version === 1 ? name : `${name}-v${version}`;
  const handlers: Handler[] = [];
  const functions: Record<string, (input: unknown, context: HostContext) => unknown> = {};
  for (const step of steps) {
    const worker = `${prefix}.${step.name}`;
    const compensation = `${worker}.${ROLLBACK}`;
    builder.addStep(step.name, worker, {
      compensation,
      queue,
      barrier,
      progressWeight: step.progressWeight,
      ...(options.timeout !== undefined && { attemptTimeout: options.timeout }),
      ...(options.undoRetry && { undoRetry: options.undoRetry }),
    });
    const hosted = new HostedStep(host, step);
    const execute = (data: unknown, context: HostContext) => hosted.execute(data, context);
    const rollBack = (undo: unknown, context: HostContext) => hosted.rollBack(undo as Undo, context);
    handlers.push(
      stepHandler(worker, { barrier, queue }, execute),
      compensationHandler(compensation, { barrier, queue }, rollBack),
    );
    Object.assign(functions, { [worker]: execute, [compensation]: rollBack });
  }
  return {
    workflow: builder.build() as HostedSteps<z.output<Input>>['workflow'],
    handlers,
    functions,
    stateOf: (stepResults) => stateAfter(names.map((step) => stepResults[step]))?.fields ?? {},
  };
}

/** What core does not know of. */
function checkOptions<C extends BaseStepContext, Input extends z.ZodType>(
  workflow: string,
  names: readonly string[],
  options: ToWorkflowOptions<C, Input>,
): void {
  const { input, barrier, createContext, local = [], maxStateBytes = MAX_STATE_BYTES } = options;
  const unknown = Object.keys(options).find((option) => !OPTIONS.has(option));
  if (unknown !== undefined)
    throw new WorkerConfigError(
      `${workflow}: there is no option '${unknown}'; the options are ${[...OPTIONS].join(', ')}`,
    );
  if (typeof createContext !== 'function')
    throw new WorkerConfigError(`${workflow}: createContext must be a function that returns a context`);
  if (barrier !== undefined && !['external', 'none'].includes(barrier))
    throw new WorkerConfigError(
      `${workflow}: steps cannot run in barrier '${barrier}', as they do not write through its transaction; use external or none`,
    );
  if (!Array.isArray(local) || !local.every((field) => typeof field === 'string'))
    throw new WorkerConfigError(`${workflow}: local must be a list of fields of the context`);
  if (!Number.isSafeInteger(maxStateBytes) || maxStateBytes < 1)
    throw new WorkerConfigError(`${workflow}: maxStateBytes must be a whole number from 1 on`);
  const hidden = names.find((name) => names.includes(`${name}.${ROLLBACK}`));
  if (hidden !== undefined)
    throw new WorkerConfigError(
      `${workflow}: '${hidden}.${ROLLBACK}' is a step, and the name of the rollback of '${hidden}': rename one of them`,
    );
  const fields = input instanceof z.ZodObject ? Object.keys(input.shape) : [];
  const hiding = fields.find((field) => names.includes(field));
  if (hiding !== undefined)
    throw new WorkerConfigError(
      `${workflow}: '${hiding}' is a field of the input and a step, and would be hidden by its result: rename one of them`,
    );
}
