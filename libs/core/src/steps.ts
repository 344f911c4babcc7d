import { barrierModeSchema, queueOf } from '@counterstep/protocol';
import type { BarrierMode } from '@counterstep/protocol';
import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { jsonSchema } from './digest.js';
import type { Options } from './options.js';
import { elementsOf, isName, isWithin } from './options.js';
import { shown } from './problems.js';
import type { RetryPolicy } from './retry.js';
import { FORWARD_RETRY, UNDO_RETRY, readRetry, retryPolicyOf } from './retry.js';
import type { Condition, InputMapper, Step } from './workflow.js';

/** Asked once, when the turn of what has it comes; a false answer passes it over. */
export type ConditionOf<Context> = ((context: Context) => unknown) | undefined;

/** Options of one step. Durations in milliseconds. */
export interface StepOptions<
  Context = WorkflowContext,
  Output extends z.ZodType | undefined = z.ZodType | undefined,
  Writes extends string = string,
  Asked extends ConditionOf<Context> = ConditionOf<Context>,
> {
  /** The worker that undoes the action; it listens on the queue of the action. */
  readonly compensation?: string;
  /** Overrides the queue that the worker's name gives. */
  readonly queue?: string;
  /** What the worker gets; without it, the whole context, flat. Must return JSON. */
  readonly input?: (context: Context) => unknown;
  /** Checks every result; a result that fails it is a failed attempt. */
  readonly output?: Output;
  /** Fields of the result that become fields of the context, beside the result under the step's name. */
  readonly writes?: readonly Writes[];
  readonly retry?: Partial<RetryPolicy>;
  /** Retries of the compensation. */
  readonly undoRetry?: Partial<RetryPolicy>;
  /** How long one attempt may take until its outcome counts as unknown; default 30,000. */
  readonly attemptTimeout?: number;
  /** How long the step may take over all attempts. */
  readonly stepTimeout?: number;
  /** How long a command may lie in its queue until the attempt counts as unknown. */
  readonly pickUpTimeout?: number;
  /** The step's share of the saga's progress, relative to the others; default 1. */
  readonly progressWeight?: number;
  /** The barrier mode that the worker must run the handler in. */
  readonly barrier?: BarrierMode;
  /** Changes nothing, so needs no undo. */
  readonly readOnly?: boolean;
  /** The point of no return: what comes before can be undone, what comes after is carried through. One per workflow. */
  readonly pivot?: boolean;
  /** Only after the pivot: repeated until it succeeds, by a person's hand if need be, and never undone. */
  readonly retriable?: boolean;
  /**
   * The compensation cannot find the effect without the action's output. An action that does not answer has none, so
   * `build()` warns (`UNKNOWN_NEEDS_OUTPUT`).
   */
  readonly undoNeedsOutput?: boolean;
  readonly condition?: Asked;
}

export const STEP_OPTIONS: readonly (keyof StepOptions)[] = [
  'compensation',
  'queue',
  'input',
  'output',
  'writes',
  'retry',
  'undoRetry',
  'attemptTimeout',
  'stepTimeout',
  'pickUpTimeout',
  'progressWeight',
  'barrier',
  'readOnly',
  'pivot',
  'retriable',
  'undoNeedsOutput',
  'condition',
];

/** What was read, waiting for the workflow's own retry policy, which may be said later. */
export type Made<Item> = (workflowRetry: Partial<RetryPolicy>) => Item;

const ATTEMPT_TIMEOUT = 30_000;
const MAX_WEIGHT = 1_000_000;
const MAX_WRITES = 100;

/** The step that the options describe, with every default filled in; everything wrong with them goes to their problems. */
export function readStep(name: string, worker: unknown, options: Options): Made<Step> {
  if (!isName(worker))
    options.wrong(
      'BAD_WORKER',
      `'${shown(worker)}' is no name of a worker`,
      "name a handler, such as 'payments.charge'",
    );
  const step = shown(name);
  const queue = options.name('queue', 'BAD_QUEUE') ?? (isName(worker) ? queueOf(worker) : '');
  const compensation = readCompensation(worker, queue, options);
  const condition = conditionIn(options);
  const input = mapperIn('input', options);
  const output = options.schema('output');
  const writes = readWrites(options, output);
  const own = readRetry(options.raw('retry'), 'retry', options.problems, options.step);
  const undo = readRetry(options.raw('undoRetry'), 'undoRetry', options.problems, options.step);
  const [attemptTimeout, stepTimeout, pickUpTimeout] = [
    options.duration('attemptTimeout'),
    options.duration('stepTimeout'),
    options.duration('pickUpTimeout'),
  ];
  const progressWeight = readWeight(options);
  const barrier = options.oneOf('barrier', barrierModeSchema.options, 'BAD_BARRIER');
  const marks = readMarks(options, compensation !== undefined);
  return (workflowRetry) =>
    Object.freeze({
      kind: 'step',
      name: step,
      worker: shown(worker),
      queue,
      ...(compensation !== undefined && { compensation }),
      ...(condition && { condition }),
      ...(input && { input }),
      ...(output && { output }),
      ...(writes && { writes }),
      retry: retryPolicyOf(FORWARD_RETRY, workflowRetry, own),
      undoRetry: retryPolicyOf(UNDO_RETRY, undo),
      attemptTimeout: attemptTimeout ?? ATTEMPT_TIMEOUT,
      ...(stepTimeout !== undefined && { stepTimeout }),
      ...(pickUpTimeout !== undefined && { pickUpTimeout }),
      progressWeight,
      ...(barrier && { barrier }),
      ...marks,
    });
}

export function conditionIn(options: Options): Condition | undefined {
  const evaluate = options.fn('condition', '(context) => boolean') as Condition['evaluate'] | undefined;
  return evaluate && Object.freeze({ evaluate });
}

export function mapperIn(key: string, options: Options): InputMapper | undefined {
  const map = options.fn(key, '(context) => JSON') as InputMapper['map'] | undefined;
  return map && Object.freeze({ map });
}

function readCompensation(worker: unknown, queue: string, options: Options): string | undefined {
  const compensation = options.raw('compensation');
  if (compensation === undefined) return undefined;
  if (!isName(compensation)) {
    options.wrong(
      'BAD_WORKER',
      `'${shown(compensation)}' is no name of a compensation`,
      "name a handler, such as 'payments.refund'",
    );
    return shown(compensation);
  }
  // A name without a dot says nothing about its queue: it travels on the action's.
  const own = isName(worker) ? queueOf(worker) : '';
  if (compensation.includes('.') && ![queue, own].includes(queueOf(compensation)))
    options.wrong(
      'UNDO_ELSEWHERE',
      `'${compensation}' is on queue ${queueOf(compensation)}, its action on ${queue}`,
      'let one worker app hold both, or an undo could not find what the action did',
    );
  return compensation;
}

function readWrites(options: Options, output: z.ZodType | undefined): readonly string[] | undefined {
  if (!options.has('writes')) return undefined;
  const given = elementsOf(options.raw('writes'));
  if (!given || given.length > MAX_WRITES || new Set(given).size !== given.length || !given.every(isName)) {
    options.wrong(
      'BAD_WRITES',
      'writes is no list of different names',
      `pass up to ${MAX_WRITES} fields of the result, such as ['total']`,
    );
    return undefined;
  }
  for (const key of given.filter((each) => output && !mayHave(jsonSchema(output), each)))
    options.wrong(
      'WRITE_NOT_IN_OUTPUT',
      `it writes '${key}', which its output does not have`,
      'name a field of the output schema',
    );
  return given.length > 0 ? Object.freeze(given) : undefined;
}

/** Whether data of this JSON Schema can have the field. A schema that does not say plainly is trusted. */
function mayHave(schema: unknown, key: string): boolean {
  const { type, properties, additionalProperties } = schema as Record<string, unknown>;
  if (type === undefined) return true;
  if (type !== 'object') return false;
  return Boolean(additionalProperties) || Object.hasOwn(properties ?? {}, key);
}

function readWeight(options: Options): number {
  const weight = options.raw('progressWeight');
  if (weight === undefined) return 1;
  // Bounded, so that the sum of all is a number.
  if (isWithin(weight, 0, MAX_WEIGHT)) return weight as number;
  options.wrong(
    'WEIGHT_OUT_OF_BOUNDS',
    `progressWeight is ${shown(weight)}`,
    `use a number from 0 to ${MAX_WEIGHT}`,
  );
  return 1;
}

type Marks = Pick<Step, 'readOnly' | 'pivot' | 'retriable' | 'undoNeedsOutput'>;

function readMarks(options: Options, compensated: boolean): Marks {
  const [readOnly, pivot, retriable, undoNeedsOutput] = [
    options.flag('readOnly'),
    options.flag('pivot'),
    options.flag('retriable'),
    options.flag('undoNeedsOutput'),
  ];
  const clash = clashOf({ readOnly, pivot, retriable, compensated });
  if (clash)
    options.wrong(
      'TWO_KINDS',
      `it is ${clash}`,
      'a step is one thing: undone by a compensation, readOnly, the pivot, or retriable',
    );
  return {
    readOnly,
    ...(pivot && { pivot: true as const }),
    ...(retriable && { retriable: true as const }),
    ...(undoNeedsOutput && { undoNeedsOutput: true as const }),
  };
}

/** A read-only step may be retriable: after the pivot all are. */
function clashOf(
  is: Record<'readOnly' | 'pivot' | 'retriable' | 'compensated', boolean>,
): string | undefined {
  if (is.compensated && is.pivot) return 'the pivot, which is never undone, and has a compensation';
  if (is.compensated && is.retriable) return 'retriable, so never undone, and has a compensation';
  if (is.compensated && is.readOnly) return 'readOnly, and has a compensation';
  if (is.pivot && is.retriable) return 'the pivot and retriable';
  if (is.pivot && is.readOnly) return 'the pivot and readOnly';
  return undefined;
}
