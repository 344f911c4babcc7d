import type * as z from 'zod';
import { NAME_MEND, checkRetry, checkSchema, checkStep, isName, unknownOptions } from './check.js';
import type { WorkflowContext } from './context.js';
import { describeWorkflow } from './digest.js';
import { ValidationError } from './errors.js';
import type { Problem } from './errors.js';
import type { RetryPolicy } from './retry.js';
import { stepOf, undoMissing } from './steps.js';
import type { StepDraft, StepOptions } from './steps.js';
import { Workflow } from './workflow.js';
import type { WorkflowItem } from './workflow.js';

type OutputOf<Schema> = Schema extends z.ZodType<infer Output> ? Output : unknown;

/** A member of a parallel group: a name, a worker, and the options of `addStep`. */
export type ParallelMember<Context = WorkflowContext> = StepOptions<Context> & {
  readonly name: string;
  readonly worker: string;
};

type MemberResults<Members extends readonly ParallelMember<never>[]> = {
  [Member in Members[number] as Member['name']]: OutputOf<Member['output']>;
};

export interface WorkflowOptions<Input extends z.ZodType> {
  /** A whole number, 1 by default. Sagas that run stay with the version they began with. */
  readonly version?: number;
  /** Checks what a saga is started with. */
  readonly input?: Input;
}

export interface BuildOptions {
  /** Makes warnings errors. */
  readonly strict?: boolean;
}

// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- what is meant: no step has run
type NoResults = Record<never, never>;

/** What a column of type `integer` holds. */
const MAX_VERSION = 2_147_483_647;
const WORKFLOW_OPTIONS: readonly (keyof WorkflowOptions<z.ZodType>)[] = ['version', 'input'];

type Draft = { kind: 'step'; step: StepDraft } | { kind: 'parallel'; members: readonly StepDraft[] };

/**
 * Builds a workflow step by step. Nothing is checked before `build()`, which then names every problem at once. The
 * results of earlier steps have the types of their output schemas in later conditions and input mappers.
 */
export class WorkflowBuilder<Input = Record<string, unknown>, Results = NoResults> {
  private readonly drafts: Draft[] = [];
  private retry: Partial<RetryPolicy> = {};
  private readonly version: number;
  private readonly inputSchema: z.ZodType<Input> | undefined;

  constructor(
    private readonly name: string,
    private readonly options: WorkflowOptions<z.ZodType<Input>> = {},
  ) {
    this.version = options.version ?? 1;
    this.inputSchema = options.input;
  }

  /** Adds a step that runs after all that were added before. */
  addStep<const Name extends string, Output extends z.ZodType | undefined = undefined>(
    name: Name,
    worker: string,
    compensationOrOptions: string | StepOptions<WorkflowContext<Input, Results>, Output> = {},
  ): WorkflowBuilder<Input, Results & Record<Name, OutputOf<Output>>> {
    const options = optionsOf(compensationOrOptions);
    return this.add({ kind: 'step', step: { name, worker, options, conditional: false } });
  }

  /** Adds a step that runs only if `condition` is true when its turn comes; the answer is recorded and never asked again. */
  addConditionalStep<const Name extends string, Output extends z.ZodType | undefined = undefined>(
    name: Name,
    worker: string,
    condition: (context: WorkflowContext<Input, Results>) => unknown,
    compensationOrOptions: string | StepOptions<WorkflowContext<Input, Results>, Output> = {},
  ): WorkflowBuilder<Input, Results & Record<Name, OutputOf<Output> | undefined>> {
    const options = optionsOf(compensationOrOptions);
    return this.add({ kind: 'step', step: { name, worker, options, conditional: true, condition } });
  }

  /** Adds steps that run at the same time; what comes next waits for all of them. They are undone at the same time too. */
  addParallelSteps<const Members extends readonly ParallelMember<WorkflowContext<Input, Results>>[]>(
    members: Members,
  ): WorkflowBuilder<Input, Results & MemberResults<Members>> {
    // A member that is none, in JavaScript, is a problem for `build()` to name.
    const given: readonly ParallelMember<never>[] = Array.isArray(members) ? members : [];
    const drafts = given
      .map((member) => ({ ...member }))
      .map(({ name, worker, ...options }): StepDraft => ({
        name,
        worker,
        options: options as StepOptions,
        conditional: false,
      }));
    return this.add({ kind: 'parallel', members: drafts });
  }

  /** Sets what applies to every step that does not say otherwise. */
  withRetryConfig(retry: Partial<RetryPolicy>): this {
    this.retry = { ...this.retry, ...retry };
    return this;
  }

  /** The frozen definition, or one `ValidationError` that lists every problem. */
  build({ strict = false }: BuildOptions = {}): Workflow<Input> {
    const problems = this.check();
    const warnings = this.warn();
    const refused = strict ? [...problems, ...warnings] : problems;
    if (refused.length > 0) {
      const lines = refused.map(
        (p) => `  ${p.code}${p.step ? ` at '${p.step}'` : ''}: ${p.message} (${p.mend})`,
      );
      throw new ValidationError(
        'INVALID_WORKFLOW',
        `workflow '${this.name}' cannot be built:\n${lines.join('\n')}`,
        refused,
      );
    }
    const items = this.items();
    const description = describeWorkflow(this.name, this.version, items, this.inputSchema);
    return new Workflow<Input>(
      this.name,
      this.version,
      description.digest,
      items,
      this.inputSchema,
      Object.freeze(warnings),
      description,
    );
  }

  private add<Next>(draft: Draft): WorkflowBuilder<Input, Next> {
    this.drafts.push(draft);
    return this as unknown as WorkflowBuilder<Input, Next>;
  }

  private items(): readonly WorkflowItem[] {
    let groups = 0;
    const taken = new Set(this.steps().map(({ name }) => name));
    return Object.freeze(
      this.drafts.map((draft): WorkflowItem => {
        if (draft.kind === 'step') return stepOf(draft.step, this.retry);
        const members = Object.freeze(draft.members.map((member) => stepOf(member, this.retry)));
        // `getNextStep` takes the name of a group too, so that it must not be a step's.
        do groups += 1;
        while (taken.has(`parallel-${groups}`));
        return Object.freeze({ kind: 'parallel', name: `parallel-${groups}`, members });
      }),
    );
  }

  private steps(): StepDraft[] {
    return this.drafts.flatMap((draft) => (draft.kind === 'step' ? [draft.step] : draft.members));
  }

  private check(): Problem[] {
    const steps = this.steps();
    const problems: Problem[] = [];
    if (!isName(this.name))
      problems.push({
        code: 'BAD_NAME',
        message: `'${String(this.name)}' is no name for a workflow`,
        mend: NAME_MEND,
      });
    if (!(Number.isInteger(this.version) && this.version >= 1 && this.version <= MAX_VERSION))
      problems.push({
        code: 'BAD_VERSION',
        message: `the version is ${this.version}`,
        mend: `use 1, 2, 3, … up to ${MAX_VERSION}`,
      });
    if (steps.length === 0)
      problems.push({
        code: 'EMPTY_WORKFLOW',
        message: 'there is no step',
        mend: 'add a step before build()',
      });
    for (const draft of this.drafts)
      if (draft.kind === 'parallel' && draft.members.length === 0)
        problems.push({
          code: 'EMPTY_GROUP',
          message: 'a parallel group has no members',
          mend: 'add members',
        });
    problems.push(...unknownOptions(this.options, WORKFLOW_OPTIONS, 'the workflow'));
    if (this.inputSchema !== undefined) problems.push(...checkSchema(this.inputSchema, 'input'));
    problems.push(...checkRetry(this.retry, 'withRetryConfig'));
    const seen = new Set<string>();
    for (const step of steps) {
      problems.push(...checkStep(step));
      if (seen.has(step.name))
        problems.push({
          code: 'DUPLICATE_NAME',
          message: `two steps are named '${step.name}'`,
          mend: 'history and undo know a step by its name: give each its own',
          step: step.name,
        });
      seen.add(step.name);
    }
    return problems;
  }

  private warn(): Problem[] {
    return this.steps().flatMap(({ name, options }) =>
      undoMissing({ name, readOnly: options?.readOnly ?? false, ...options }),
    );
  }
}

function optionsOf(given: unknown): StepOptions {
  return typeof given === 'string' ? { compensation: given } : (given as StepOptions);
}
