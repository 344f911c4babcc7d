import type { BarrierMode } from '@counterstep/protocol';
import { queueOf } from '@counterstep/protocol';
import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import type { Problem } from './errors.js';
import type { RetryPolicy } from './retry.js';
import { FORWARD_RETRY, UNDO_RETRY, retryPolicyOf } from './retry.js';
import type { Step } from './workflow.js';

/** Options of one step. Durations in milliseconds. */
export interface StepOptions<
  Context = WorkflowContext,
  Output extends z.ZodType | undefined = z.ZodType | undefined,
> {
  /** The worker that undoes the action; it listens on the queue of the action. */
  readonly compensation?: string;
  /** Overrides the queue that the worker's name gives. */
  readonly queue?: string;
  /** What the worker gets; without it, the whole context, flat. Must return JSON. */
  readonly input?: (context: Context) => unknown;
  /** Checks every result; a result that fails it is a failed attempt. */
  readonly output?: Output;
  readonly retry?: Partial<RetryPolicy>;
  /** Retries of the compensation. */
  readonly undoRetry?: Partial<RetryPolicy>;
  /** How long one attempt may take until its outcome counts as unknown; default 30,000. */
  readonly attemptTimeout?: number;
  /** How long the step may take over all attempts. */
  readonly stepTimeout?: number;
  /** The step's share of the saga's progress, relative to the others; default 1. */
  readonly progressWeight?: number;
  /** The barrier mode that the worker must run the handler in. */
  readonly barrier?: BarrierMode;
  /** Changes nothing, so needs no undo. */
  readonly readOnly?: boolean;
}

export const STEP_OPTIONS: readonly (keyof StepOptions)[] = [
  'compensation',
  'queue',
  'input',
  'output',
  'retry',
  'undoRetry',
  'attemptTimeout',
  'stepTimeout',
  'progressWeight',
  'barrier',
  'readOnly',
];

/** What the builder was told about one step, not yet checked. */
export interface StepDraft {
  readonly name: string;
  readonly worker: string;
  readonly options: StepOptions;
  readonly conditional: boolean;
  readonly condition?: unknown;
}

const ATTEMPT_TIMEOUT = 30_000;

/** The problem of a step whose effect nothing undoes, as nobody said that it has none. */
export function undoMissing(step: Pick<Step, 'name' | 'compensation' | 'readOnly'>): Problem[] {
  if (step.compensation !== undefined || step.readOnly) return [];
  return [
    Object.freeze({
      code: 'NO_UNDO',
      message: 'its effect would stay when the saga is undone',
      mend: 'name a compensation, or mark it readOnly',
      step: step.name,
    }),
  ];
}

/** The step that a checked draft stands for, with every default filled in. */
export function stepOf(draft: StepDraft, workflowRetry: Partial<RetryPolicy>): Step {
  const { options } = draft;
  const condition = draft.condition as ((context: WorkflowContext) => unknown) | undefined;
  const mapper = options.input;
  return Object.freeze({
    kind: 'step',
    name: draft.name,
    worker: draft.worker,
    queue: options.queue ?? queueOf(draft.worker),
    ...(options.compensation !== undefined && { compensation: options.compensation }),
    ...(condition && { condition: Object.freeze({ evaluate: condition }) }),
    ...(mapper && { input: Object.freeze({ map: mapper }) }),
    ...(options.output && { output: options.output }),
    retry: retryPolicyOf(FORWARD_RETRY, workflowRetry, options.retry),
    undoRetry: retryPolicyOf(UNDO_RETRY, options.undoRetry),
    attemptTimeout: options.attemptTimeout ?? ATTEMPT_TIMEOUT,
    ...(options.stepTimeout !== undefined && { stepTimeout: options.stepTimeout }),
    progressWeight: options.progressWeight ?? 1,
    ...(options.barrier && { barrier: options.barrier }),
    readOnly: options.readOnly ?? false,
  });
}
