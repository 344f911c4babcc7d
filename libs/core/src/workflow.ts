import type { BarrierMode } from '@counterstep/protocol';
import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { answersTrue } from './definition-code.js';
import { ValidationError } from './errors.js';
import type { Problem } from './errors.js';
import type { RetryPolicy } from './retry.js';
import { membersOf, pathIn, placesOf } from './tree.js';
import { walk } from './walk.js';

/* Methods, so that a context with narrower types is accepted where the general one is asked for. */
export interface Condition {
  evaluate(context: WorkflowContext): unknown;
}
export interface InputMapper {
  map(context: WorkflowContext): unknown;
}
/** Makes one value of those that the members of a parallel group wrote to the same key, in the order of the members. */
export interface Reducer {
  reduce(values: readonly unknown[]): unknown;
}

interface Named {
  /** Unique in its workflow; history, results and undo know it by its path: names, with `/` between them. */
  readonly name: string;
  /** Asked once, when its turn comes; a false answer passes it over. */
  readonly condition?: Condition;
}

/** An action of a worker and, optionally, the compensation that undoes it. Durations in milliseconds. */
export interface Step extends Named {
  readonly kind: 'step';
  /** The handler that runs the action, `payments.charge`. */
  readonly worker: string;
  /** Where action and compensation are sent, so that both meet one barrier. */
  readonly queue: string;
  readonly compensation?: string;
  /** Without one the worker gets the whole context, flat. */
  readonly input?: InputMapper;
  readonly output?: z.ZodType;
  /** Fields of the result that become fields of the context. */
  readonly writes?: readonly string[];
  readonly retry: RetryPolicy;
  readonly undoRetry: RetryPolicy;
  readonly attemptTimeout: number;
  readonly stepTimeout?: number;
  /** How long a command may lie in its queue until the attempt counts as unknown. */
  readonly pickUpTimeout?: number;
  readonly progressWeight: number;
  readonly barrier?: BarrierMode;
  /** Changes nothing, so needs no undo. */
  readonly readOnly: boolean;
  /** The point of no return: before it everything can be undone, after it everything is carried through. */
  readonly pivot?: true;
  /** After the pivot: repeated until it succeeds, by a person's hand if need be, and never undone. */
  readonly retriable?: true;
  /** The compensation cannot do without the action's output. */
  readonly undoNeedsOutput?: true;
}

/** Another workflow as one step of this one: its steps belong to the same saga, under paths `name/step`. */
export interface SubWorkflow extends Named {
  readonly kind: 'workflow';
  readonly workflow: Workflow;
  /** What the child is given as its input; without one, the whole context. */
  readonly input?: InputMapper;
  /** Makes the child's result of its context; without one, its steps' results by name. */
  readonly output?: InputMapper;
}

/** One step, or one workflow, for each item of a list. Item i has the path `name/i`, its context `item` and `index`. */
export interface MapItem extends Named {
  readonly kind: 'map';
  /** Gives the list. */
  readonly over: InputMapper;
  /** Its name is that of the map. */
  readonly body: Step | SubWorkflow;
  /** Items that run, or are undone, at the same time. */
  readonly concurrency: number;
  /** A longer list is refused. */
  readonly maxItems: number;
  /** How many items may fail, as a number or a fraction of all, before the map fails. */
  readonly tolerate: { readonly count: number } | { readonly fraction: number };
}

/** Waits for somebody outside to say something. */
export interface SignalWait extends Named {
  readonly kind: 'signal';
  /** What it waits for; several may wait for one name, each takes one. */
  readonly signal: string;
  /** The data must say `approved`; false rejects. */
  readonly approval: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly onTimeout: 'reject' | 'continue';
  /** Checks the data; a signal that fails it is refused. */
  readonly output?: z.ZodType;
}

/** Waits for a time to pass, or to come. */
export interface Sleep extends Named {
  readonly kind: 'sleep';
  /** Milliseconds. */
  readonly duration?: number;
  /** Gives a date: milliseconds since the epoch, or ISO 8601. */
  readonly until?: InputMapper;
}

/** When a parallel group is over: all members succeeded, one, so many, or all ended however they ended. */
export type Join = 'all' | 'any' | 'settle' | { readonly quorum: number };

/** What runs at the same time and joins before what comes after it. */
export interface ParallelGroup {
  readonly kind: 'parallel';
  readonly name: string;
  readonly members: readonly Member[];
  readonly join: Join;
  /** When the join has become impossible: wait for who is still out (`quiesce`), or undo at once. */
  readonly onFailure: 'quiesce' | 'failFast';
  /** What members that the join did not need have done stays. */
  readonly keep: boolean;
  /** By key of the context. */
  readonly reducers: Readonly<Record<string, Reducer>>;
}

export type Member = Step | SubWorkflow | MapItem | SignalWait | Sleep;
export type WorkflowItem = Member | ParallelGroup;

/** What a saga does when a step has failed for good: undo, or wait for a person. */
export type FailureMode = 'compensate' | 'hold';

export interface WorkflowRef {
  readonly name: string;
  readonly version: number;
  /** SHA-256 over structure, names, options and JSON Schemas, never over function source; 32 hex digits. */
  readonly digest: string;
}

/** What a workflow is beside its items. */
export interface WorkflowSettings {
  readonly inputSchema?: z.ZodType;
  /** Milliseconds from the start; a saga that is not done then is undone. */
  readonly sagaTimeout?: number;
  readonly failureMode: FailureMode;
  /** To be used in other workflows only: it may hold steps that are right after the pivot of another. */
  readonly part?: boolean;
}

/** A definition: frozen data, made by `WorkflowBuilder`. */
export class Workflow<Input = unknown, Results = unknown, Patches = unknown> implements WorkflowRef {
  /** Only types: what `start` takes. */
  declare readonly inputType?: Input;
  /** Only types: the steps' results by name. */
  declare readonly resultsType?: Results;
  /** Only types: what its steps write into the context. */
  declare readonly patchesType?: Patches;
  readonly inputSchema: z.ZodType | undefined;
  readonly sagaTimeout: number | undefined;
  readonly failureMode: FailureMode;
  /** It cannot be started, only be a step of another workflow. */
  readonly part: boolean;
  /** The path of the step of no return, when there is one. */
  readonly pivot: string | undefined;
  /** By path; what a map holds stands under '*' here, its items are looked for. */
  private readonly byPath: ReadonlyMap<string, Member>;

  constructor(
    readonly name: string,
    readonly version: number,
    readonly digest: string,
    readonly items: readonly WorkflowItem[],
    settings: WorkflowSettings,
    /** What `build()` accepted but would not recommend. */
    readonly warnings: readonly Problem[],
    private readonly description: WorkflowDescription,
  ) {
    this.inputSchema = settings.inputSchema;
    this.sagaTimeout = settings.sagaTimeout;
    this.failureMode = settings.failureMode;
    this.part = settings.part ?? false;
    this.pivot = pivotIn(items, '');
    this.byPath = new Map([...walk(items)].map(({ path, member }) => [path, member]));
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
   * What follows `current` (an item, or a member of a group) in this context: items whose condition is false are passed
   * over, a group is returned as one item, and undefined means the end. Throws `ValidationError` for an unknown step.
   */
  getNextStep(current: string, context: WorkflowContext): WorkflowItem | undefined {
    const index = this.items.findIndex(
      (item) => item.name === current || membersOf(item).some(({ name }) => name === current),
    );
    if (index === -1) throw this.unknownStep(current);
    return this.items.slice(index + 1).find((item) => membersOf(item).some((m) => answersTrue(m, context)));
  }

  /** The member at that path; `*`, or any number, stands for an item of a map. Throws `ValidationError` when there is none. */
  member(path: string): Member {
    const found = this.byPath.get(path) ?? placesOf(this, path)?.at(-1)?.member;
    if (!found) throw this.unknownStep(path);
    return found;
  }

  /** The step at that path; throws `ValidationError` when there is none, or it has no worker. */
  step(path: string): Step {
    const found = this.member(path);
    if (found.kind !== 'step') throw this.unknownStep(path);
    return found;
  }

  /** Every step that has a worker, those in groups, maps and sub-workflows too, in the order of the definition. */
  allSteps(): Step[] {
    return this.items.flatMap(membersOf).flatMap(stepsOf);
  }

  /** The path of every member, in the order of the definition; `*` stands for the items of a map. */
  paths(): string[] {
    return [...walk(this.items)].map(({ path }) => path);
  }

  /** Plain data; functions appear under the names by which `workflowFromJson` asks for them. */
  toJSON(): WorkflowDescription {
    return this.description;
  }

  private unknownStep(name: string): ValidationError {
    return new ValidationError('UNKNOWN_STEP', `workflow ${this.name} has no step '${name}'`);
  }
}

function stepsOf(member: Member): Step[] {
  if (member.kind === 'step') return [member];
  if (member.kind === 'workflow') return member.workflow.allSteps();
  return member.kind === 'map' ? stepsOf(member.body) : [];
}

/** The path of the first pivot; `build()` sees to it that there is one at most, and none in a map. */
function pivotIn(items: readonly WorkflowItem[], scope: string): string | undefined {
  for (const member of items.flatMap(membersOf)) {
    const path = pathIn(scope, member.name);
    if (member.kind === 'step' && member.pivot) return path;
    const inside = member.kind === 'workflow' ? pivotIn(member.workflow.items, path) : undefined;
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** A definition as plain data: schemas as JSON Schema, functions by name, children as descriptions of their own. */
export interface WorkflowDescription {
  readonly format: 1;
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly inputSchema?: unknown;
  readonly sagaTimeout?: number;
  readonly failureMode?: FailureMode;
  readonly part?: true;
  readonly items: readonly ItemDescription[];
}

/** An item as plain data. What is a function in the item is its name here, what is a schema, JSON Schema. */
export interface ItemDescription {
  readonly kind: WorkflowItem['kind'];
  readonly name: string;
  readonly members?: readonly ItemDescription[];
  readonly body?: ItemDescription;
  readonly workflow?: WorkflowDescription;
  readonly [option: string]: unknown;
}
