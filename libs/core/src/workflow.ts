import type { BarrierMode } from '@counterstep/protocol';
import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { isTaken } from './definition-code.js';
import { ValidationError } from './errors.js';
import type { Problem } from './errors.js';
import type { RetryPolicy } from './retry.js';

/* Methods, so that a context with narrower types is accepted where the general one is asked for. */
export interface Condition {
  evaluate(context: WorkflowContext): unknown;
}
export interface InputMapper {
  map(context: WorkflowContext): unknown;
}

/** An action of a worker and, optionally, the compensation that undoes it. Durations in milliseconds. */
export interface Step {
  readonly kind: 'step';
  /** Unique in the workflow; history, results and undo know the step by it. */
  readonly name: string;
  /** The handler that runs the action, `payments.charge`. */
  readonly worker: string;
  /** Where action and compensation are sent, so that both meet one barrier. */
  readonly queue: string;
  readonly compensation?: string;
  readonly condition?: Condition;
  /** Without one the worker gets the whole context, flat. */
  readonly input?: InputMapper;
  readonly output?: z.ZodType;
  readonly retry: RetryPolicy;
  readonly undoRetry: RetryPolicy;
  readonly attemptTimeout: number;
  readonly stepTimeout?: number;
  readonly progressWeight: number;
  readonly barrier?: BarrierMode;
  /** Changes nothing, so needs no undo. */
  readonly readOnly: boolean;
}

/** Steps that run at the same time and join before what comes after them. */
export interface ParallelGroup {
  readonly kind: 'parallel';
  readonly name: string;
  readonly members: readonly Step[];
}

export type WorkflowItem = Step | ParallelGroup;

export interface WorkflowRef {
  readonly name: string;
  readonly version: number;
  /** SHA-256 over structure, names, options and JSON Schemas, never over function source; 32 hex digits. */
  readonly digest: string;
}

/** A definition: frozen data, made by `WorkflowBuilder`. */
export class Workflow<Input = unknown> implements WorkflowRef {
  /** Only types: what `start` takes. */
  declare readonly inputType?: Input;
  private readonly stepsByName: ReadonlyMap<string, { step: Step; index: number }>;

  constructor(
    readonly name: string,
    readonly version: number,
    readonly digest: string,
    readonly items: readonly WorkflowItem[],
    readonly inputSchema: z.ZodType | undefined,
    /** What `build()` accepted but would not recommend. */
    readonly warnings: readonly Problem[],
    private readonly description: WorkflowDescription,
  ) {
    this.stepsByName = new Map(
      items.flatMap((item, index) => stepsIn(item).map((step) => [step.name, { step, index }] as const)),
    );
    Object.freeze(this);
  }

  getId(): string {
    return this.name;
  }

  /** The items in order; a parallel group is one item. */
  getSteps(): readonly WorkflowItem[] {
    return this.items;
  }

  getInitialStep(): WorkflowItem | undefined {
    return this.items[0];
  }

  /**
   * What follows `current` (a step, or a member of a group) in this context: steps whose condition is false are passed
   * over, a group is returned as one item, and undefined means the end. Throws `ValidationError` for an unknown step.
   */
  getNextStep(current: string, context: WorkflowContext): WorkflowItem | undefined {
    const index = this.stepsByName.get(current)?.index ?? this.items.findIndex((i) => i.name === current);
    if (index === -1) throw this.unknownStep(current);
    return this.items.slice(index + 1).find((item) => stepsIn(item).some((step) => isTaken(step, context)));
  }

  /** The step of that name; throws `ValidationError` when there is none. */
  step(name: string): Step {
    const found = this.stepsByName.get(name);
    if (!found) throw this.unknownStep(name);
    return found.step;
  }

  /** Every step, those in groups too, in the order of the definition. */
  allSteps(): Step[] {
    return this.items.flatMap(stepsIn);
  }

  /** Plain data; functions appear under the names by which `workflowFromJson` asks for them. */
  toJSON(): WorkflowDescription {
    return this.description;
  }

  private unknownStep(name: string): ValidationError {
    return new ValidationError('UNKNOWN_STEP', `workflow ${this.name} has no step '${name}'`);
  }
}

export function stepsIn(item: WorkflowItem): readonly Step[] {
  return item.kind === 'parallel' ? item.members : [item];
}

/** A step as plain data: schemas as JSON Schema, functions by name. */
export type StepDescription = Omit<Step, 'condition' | 'input' | 'output'> & {
  readonly condition?: string;
  readonly input?: string;
  readonly output?: unknown;
};

export interface WorkflowDescription {
  readonly format: 1;
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly inputSchema?: unknown;
  readonly items: readonly (
    | StepDescription
    | { readonly kind: 'parallel'; readonly name: string; readonly members: readonly StepDescription[] }
  )[];
}
