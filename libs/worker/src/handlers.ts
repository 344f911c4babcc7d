import type { Undo, WithUndoData } from '@counterstep/core';
import { queueOf, type BarrierMode, type Direction } from '@counterstep/protocol';
import type { PoolClient } from 'pg';
import type * as z from 'zod';
import type { StepContext } from './context.js';
import { WorkerConfigError } from './errors.js';
import { undoSchemaOf } from './undo-schema.js';

/** A named handler as the worker runs it; made by `stepHandler` and `compensationHandler`. */
export interface Handler {
  /** The name that workflows call it by: `payments.charge`, or `charge_payment`. */
  readonly worker: string;
  readonly direction: Direction;
  readonly barrier: BarrierMode;
  /** The queue it is served from. A compensation without a dot has none of its own: it travels on its action's. */
  readonly queue: string | undefined;
  readonly input: z.ZodType | undefined;
  readonly output: z.ZodType | undefined;
  run(input: unknown, context: StepContext<unknown>): unknown;
}

export interface HandlerOptions {
  /** What the barrier promises: see docs/guides/workers.md. A compensation has the mode of its action. */
  readonly barrier: BarrierMode;
  /** Only when the step names a queue that is not the first part of the worker's name. */
  readonly queue?: string;
}

export interface StepHandlerOptions<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> extends HandlerOptions {
  /** Input that does not parse is `rejected` with the code `INPUT_INVALID`; the handler does not run. */
  readonly input?: Input;
  /** Output that does not parse is `failed` with the code `OUTPUT_INVALID`; in mode `transaction` nothing stands. */
  readonly output?: Output;
}

export interface CompensationHandlerOptions<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
  Data extends z.ZodType = z.ZodType,
> extends HandlerOptions {
  /** The action's input, output and undo data. An undo that does not parse is `rejected` with `INPUT_INVALID`. */
  readonly input?: Input;
  readonly output?: Output;
  readonly undoData?: Data;
}

const MODES: readonly unknown[] = ['transaction', 'external', 'none'] satisfies BarrierMode[];

type MaybePromise<T> = T | Promise<T>;

/** A step's action. The types of `input` and of the result come from the schemas. */
export function stepHandler<
  Input extends z.ZodType = z.ZodUnknown,
  Output extends z.ZodType = z.ZodUnknown,
  Tx = PoolClient,
>(
  worker: string,
  options: StepHandlerOptions<Input, Output>,
  run: (
    input: z.output<Input>,
    context: StepContext<Tx>,
  ) => MaybePromise<z.input<Output> | WithUndoData<z.input<Output>>>,
): Handler {
  return defineHandler(worker, 'forward', options, run);
}

/** A step's compensation. It must be able to run more than once in modes `external` and `none`. */
export function compensationHandler<
  Input extends z.ZodType = z.ZodUnknown,
  Output extends z.ZodType = z.ZodUnknown,
  Data extends z.ZodType = z.ZodUnknown,
  Tx = PoolClient,
>(
  worker: string,
  options: CompensationHandlerOptions<Input, Output, Data>,
  run: (undo: Undo<z.output<Input>, z.output<Output>, z.output<Data>>, context: StepContext<Tx>) => unknown,
): Handler {
  return defineHandler(worker, 'undo', options, run);
}

export function defineHandler(
  worker: string,
  direction: Direction,
  options: StepHandlerOptions | CompensationHandlerOptions,
  run: Handler['run'],
): Handler {
  if (typeof run !== 'function')
    throw new WorkerConfigError(
      `handler ${worker}: the function is missing; write (name, { barrier }, function)`,
    );
  if (!MODES.includes(options.barrier))
    throw new WorkerConfigError(
      `handler ${worker}: barrier is ${options.barrier}; use transaction, external or none`,
    );
  const ownQueue = direction === 'forward' || worker.includes('.') ? queueOf(worker) : undefined;
  return {
    worker,
    direction,
    barrier: options.barrier,
    queue: options.queue ?? ownQueue,
    input: direction === 'forward' ? options.input : undoSchemaOf(options),
    output: direction === 'forward' ? options.output : undefined,
    run,
  };
}

/** The handlers of one worker by name, and the queues that bring their commands. */
export class HandlerTable {
  readonly queues: readonly string[];
  readonly #handlers: Record<Direction, Map<string, Handler>> = { forward: new Map(), undo: new Map() };

  constructor(handlers: readonly Handler[]) {
    checkHandlers(handlers);
    for (const handler of handlers) {
      const { direction, worker } = handler;
      if (this.find(direction, worker)) throw new WorkerConfigError(`two handlers are named ${worker}`);
      this.#handlers[direction].set(worker, handler);
    }
    this.queues = [...new Set(handlers.flatMap(({ queue }) => (queue === undefined ? [] : [queue])))];
    if (this.queues.length === 0) {
      const names = handlers.map((handler) => handler.worker).join(', ');
      throw new WorkerConfigError(
        `no handler says which queue to serve (handlers: ${names}); give the compensation its action's \`queue\``,
      );
    }
  }

  find(direction: Direction, worker: string): Handler | undefined {
    return this.#handlers[direction].get(worker);
  }

  needsDatabase(): boolean {
    const { forward, undo } = this.#handlers;
    return [...forward.values(), ...undo.values()].some((handler) => handler.barrier !== 'none');
  }
}

/** Callers without types may pass anything, such as the map of functions that `runInProcess` takes. */
function checkHandlers(handlers: unknown): void {
  const how = 'pass a list of what stepHandler(…) and compensationHandler(…) return';
  if (!Array.isArray(handlers)) throw new WorkerConfigError(`\`handlers\` is no list: ${how}`);
  if (handlers.length === 0) throw new WorkerConfigError(`a worker needs handlers: ${how}`);
  const wrong = handlers.findIndex((handler: Partial<Handler> | null) => typeof handler?.run !== 'function');
  if (wrong >= 0) throw new WorkerConfigError(`handlers[${wrong}] is no handler: ${how}`);
}
