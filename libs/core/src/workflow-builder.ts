import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { describeWorkflow } from './digest.js';
import { ValidationError } from './errors.js';
import type { Problem } from './errors.js';
import { readGroup, readName } from './groups.js';
import type { MadeGroup, ParallelMember, ParallelOptions } from './groups.js';
import { mapOptions, readMap } from './maps.js';
import type { StepMapOptions, WorkflowMapOptions } from './maps.js';
import { DURATION_MEND, Options, isDuration } from './options.js';
import { problem, shown } from './problems.js';
import { proofOf } from './proof.js';
import type {
  Approved,
  ChildOutput,
  ChildResult,
  ItemContext,
  MayBe,
  MemberPatches,
  MemberResults,
  OutputOf,
  ReducersOf,
  SignalData,
  Written,
} from './result-types.js';
import { readRetry } from './retry.js';
import type { RetryPolicy } from './retry.js';
import { ruleProblems } from './rules.js';
import { STEP_OPTIONS, readStep } from './steps.js';
import type { ConditionOf, Made, StepOptions } from './steps.js';
import { SUB_WORKFLOW_OPTIONS, readSubWorkflow } from './sub-workflows.js';
import type { SubWorkflowOptions } from './sub-workflows.js';
import { SIGNAL_OPTIONS, SLEEP_OPTIONS, readSignal, readSleep, readSleepUntil } from './waits.js';
import type { SignalOptions, SleepOptions } from './waits.js';
import { Workflow } from './workflow.js';
import type { FailureMode, Member, SignalWait, WorkflowItem } from './workflow.js';

export interface WorkflowOptions<Input extends z.ZodType> {
  /** A whole number, 1 by default. Sagas that run stay with the version they began with. */
  readonly version?: number;
  /** Checks what a saga is started with. */
  readonly input?: Input;
}

export interface BuildOptions {
  /** Makes warnings errors. */
  readonly strict?: boolean;
  /** For use in other workflows only: it may hold `retriable` steps, which are checked where it stands. */
  readonly part?: boolean;
}

// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- what is meant: no step has run
type Nothing = Record<never, never>;

/** What a column of type `integer` holds. */
const MAX_VERSION = 2_147_483_647;
const WORKFLOW_OPTIONS: readonly (keyof WorkflowOptions<z.ZodType>)[] = ['version', 'input'];
const BUILD_OPTIONS: readonly (keyof BuildOptions)[] = ['strict', 'part'];

/**
 * Builds a workflow step by step. Nothing is refused before `build()`, which then names every problem at once. The results
 * of earlier steps have the types of their output schemas in later conditions and input mappers.
 */
export class WorkflowBuilder<Input = Record<string, unknown>, Results = Nothing, Patches = Nothing> {
  private readonly name: string;
  private readonly version: number;
  private readonly inputSchema: z.ZodType | undefined;
  private readonly problems: Problem[] = [];
  private readonly made: ({ member: Made<Member> | undefined } | { group: MadeGroup })[] = [];
  private retry: Partial<RetryPolicy> = {};
  private sagaTimeout: number | undefined;
  private failureMode: FailureMode = 'compensate';

  constructor(name: string, options: WorkflowOptions<z.ZodType<Input>> = {}) {
    this.name = readName(name, 'workflow', undefined, this.problems);
    const read = Options.of(options, WORKFLOW_OPTIONS, 'the workflow', this.problems);
    this.version = read.whole('version', 1, MAX_VERSION, 'BAD_VERSION') ?? 1;
    this.inputSchema = read.schema('input');
  }

  /** Adds a step that runs after all that were added before. */
  addStep<
    const Name extends string,
    Asked extends ConditionOf<WorkflowContext<Input, Results & Patches>>,
    Output extends z.ZodType | undefined = undefined,
    const Keys extends string = never,
  >(
    name: Name,
    worker: string,
    compensationOrOptions:
      string | StepOptions<WorkflowContext<Input, Results & Patches>, Output, Keys, Asked> = {},
  ): WorkflowBuilder<
    Input,
    Results & Record<Name, MayBe<Asked, OutputOf<Output>>>,
    Patches & Written<Output, Keys, Asked>
  > {
    const { named, options } = this.read(name, stepOptions(compensationOrOptions), STEP_OPTIONS);
    return this.add(readStep(named, worker, options));
  }

  /** Adds a step that runs only if `condition` is true when its turn comes; the answer is recorded and never asked again. */
  addConditionalStep<
    const Name extends string,
    Output extends z.ZodType | undefined = undefined,
    const Keys extends string = never,
  >(
    name: Name,
    worker: string,
    condition: (context: WorkflowContext<Input, Results & Patches>) => unknown,
    compensationOrOptions:
      string | Omit<StepOptions<WorkflowContext<Input, Results & Patches>, Output, Keys>, 'condition'> = {},
  ): WorkflowBuilder<
    Input,
    Results & Record<Name, OutputOf<Output> | undefined>,
    Patches & Written<Output, Keys, true>
  > {
    const known = STEP_OPTIONS.filter((key) => key !== 'condition');
    const { named, options } = this.read(name, stepOptions(compensationOrOptions), known);
    // Not `undefined`, which would mean that there is none: a step that was to be asked about would always run.
    return this.add(readStep(named, worker, options.plus('condition', condition ?? null)));
  }

  /**
   * Adds what runs at the same time: steps (`worker`), sub-workflows (`workflow`), maps (`over`), waits (`signal`, `sleep`,
   * `sleepUntil`). What comes next waits until they have joined. They are undone at the same time too.
   */
  addParallelSteps<
    const Group extends readonly ParallelMember<WorkflowContext<Input, Results & Patches>>[],
    Reducers extends ReducersOf<Group>,
  >(
    members: Group,
    options: ParallelOptions<Reducers> = {},
  ): WorkflowBuilder<Input, Results & MemberResults<Group>, Patches & MemberPatches<Group, Reducers>> {
    this.made.push({ group: readGroup(members, options, this.problems) });
    return this as never;
  }

  /** Adds a workflow as one step: its steps belong to the same saga, under paths `name/step`, and are undone with it. */
  addWorkflow<
    const Name extends string,
    ChildInput,
    ChildResults,
    ChildPatches,
    Mapper extends ChildOutput<ChildInput, ChildResults, ChildPatches>,
    Asked extends ConditionOf<WorkflowContext<Input, Results & Patches>>,
  >(
    name: Name,
    child: Workflow<ChildInput, ChildResults, ChildPatches>,
    options: SubWorkflowOptions<WorkflowContext<Input, Results & Patches>, Mapper, Asked> = {},
  ): WorkflowBuilder<
    Input,
    Results & Record<Name, MayBe<Asked, ChildResult<Mapper, ChildResults>>>,
    Patches
  > {
    const read = this.read(name, options, SUB_WORKFLOW_OPTIONS);
    return this.add(readSubWorkflow(read.named, child, read.options));
  }

  /** Adds one step, or one workflow, for each item of a list. Its result is the list of theirs, null where one has none. */
  addMap<
    const Name extends string,
    Items,
    Asked extends ConditionOf<WorkflowContext<Input, Results & Patches>>,
    Output extends z.ZodType | undefined = undefined,
  >(
    name: Name,
    options: StepMapOptions<
      WorkflowContext<Input, Results & Patches>,
      ItemContext<Input, Results & Patches, Items>,
      Items,
      Output,
      Asked
    >,
  ): WorkflowBuilder<Input, Results & Record<Name, MayBe<Asked, (OutputOf<Output> | null)[]>>, Patches>;
  addMap<
    const Name extends string,
    Items,
    ChildInput,
    ChildResults,
    ChildPatches,
    Mapper extends ChildOutput<ChildInput, ChildResults, ChildPatches>,
    Asked extends ConditionOf<WorkflowContext<Input, Results & Patches>>,
  >(
    name: Name,
    options: WorkflowMapOptions<
      WorkflowContext<Input, Results & Patches>,
      ItemContext<Input, Results & Patches, Items>,
      Items,
      Workflow<ChildInput, ChildResults, ChildPatches>,
      Mapper,
      Asked
    >,
  ): WorkflowBuilder<
    Input,
    Results & Record<Name, MayBe<Asked, (ChildResult<Mapper, ChildResults> | null)[]>>,
    Patches
  >;
  addMap(name: string, given: unknown): WorkflowBuilder<Input, never, never> {
    const { named, options } = this.read(name, given, mapOptions(given));
    return this.add(readMap(named, options));
  }

  /** Adds a wait for somebody outside to say something; a signal that came early is taken. Its result is the signal's data. */
  waitForSignal<
    const Name extends string,
    Asked extends ConditionOf<WorkflowContext<Input, Results & Patches>>,
    Output extends z.ZodType | undefined = undefined,
    const OnTimeout extends SignalWait['onTimeout'] = 'reject',
  >(
    name: Name,
    options: SignalOptions<WorkflowContext<Input, Results & Patches>, Output, OnTimeout, Asked>,
  ): WorkflowBuilder<Input, Results & Record<Name, MayBe<Asked, SignalData<Output, OnTimeout>>>, Patches> {
    const read = this.read(name, options, SIGNAL_OPTIONS);
    return this.add(readSignal(read.named, false, read.options));
  }

  /** Adds a wait for a signal whose data says `approved`: true lets the saga go on, false rejects (`NOT_APPROVED`). */
  waitForApproval<
    const Name extends string,
    Asked extends ConditionOf<WorkflowContext<Input, Results & Patches>>,
    Output extends z.ZodType | undefined = undefined,
    const OnTimeout extends SignalWait['onTimeout'] = 'reject',
  >(
    name: Name,
    options: SignalOptions<WorkflowContext<Input, Results & Patches>, Output, OnTimeout, Asked>,
  ): WorkflowBuilder<
    Input,
    Results & Record<Name, MayBe<Asked, SignalData<Output, OnTimeout, Approved>>>,
    Patches
  > {
    const read = this.read(name, options, SIGNAL_OPTIONS);
    return this.add(readSignal(read.named, true, read.options));
  }

  /** Adds a wait of so many milliseconds. */
  sleep<const Name extends string>(
    name: Name,
    milliseconds: number,
    options: SleepOptions<WorkflowContext<Input, Results & Patches>> = {},
  ): WorkflowBuilder<Input, Results & Record<Name, null | undefined>, Patches> {
    const read = this.read(name, options, SLEEP_OPTIONS);
    return this.add(readSleep(read.named, milliseconds, read.options));
  }

  /** Adds a wait until a date: milliseconds since the epoch, ISO 8601, or a `Date`. One that has passed is no wait. */
  sleepUntil<const Name extends string>(
    name: Name,
    date: (context: WorkflowContext<Input, Results & Patches>) => string | number | Date,
    options: SleepOptions<WorkflowContext<Input, Results & Patches>> = {},
  ): WorkflowBuilder<Input, Results & Record<Name, null | undefined>, Patches> {
    const read = this.read(name, options, SLEEP_OPTIONS);
    return this.add(readSleepUntil(read.named, read.options.plus('sleepUntil', date)));
  }

  /** Sets what applies to every step that does not say otherwise. */
  withRetryConfig(retry: Partial<RetryPolicy>): this {
    this.retry = { ...this.retry, ...readRetry(retry, 'withRetryConfig', this.problems) };
    return this;
  }

  /** Milliseconds from the start after which a saga that is not done is undone, like one that is cancelled. */
  withSagaTimeout(milliseconds: number): this {
    if (isDuration(milliseconds)) this.sagaTimeout = milliseconds;
    else
      this.problems.push(
        problem('TIMEOUT_OUT_OF_BOUNDS', undefined, `sagaTimeout is ${shown(milliseconds)}`, DURATION_MEND),
      );
    return this;
  }

  /** What a saga does when a step has failed for good: `compensate`, the default, or `hold`: wait for a person. */
  withFailureMode(mode: FailureMode): this {
    const options = Options.of({ mode }, ['mode'], 'withFailureMode', this.problems);
    this.failureMode = options.oneOf('mode', ['compensate', 'hold'], 'BAD_FAILURE_MODE') ?? 'compensate';
    return this;
  }

  /** The frozen definition, or one `ValidationError` that lists every problem. */
  build(options: BuildOptions = {}): Workflow<Input, Results, Patches> {
    const problems = [...this.problems];
    const read = Options.of(options, BUILD_OPTIONS, 'build', problems);
    const [strict, part] = [read.flag('strict'), read.flag('part')];
    const items = this.items();
    if (this.made.length === 0)
      problems.push(problem('EMPTY_WORKFLOW', undefined, 'there is no step', 'add a step before build()'));
    problems.push(...ruleProblems(items, part));
    const warnings = proofOf(items);
    const refused = strict ? [...problems, ...warnings] : problems;
    if (refused.length > 0) throw refusal(this.name, refused);
    const settings = {
      ...(this.inputSchema && { inputSchema: this.inputSchema }),
      ...(this.sagaTimeout !== undefined && { sagaTimeout: this.sagaTimeout }),
      failureMode: this.failureMode,
      part,
    };
    const description = describeWorkflow(this.name, this.version, items, settings);
    return new Workflow(
      this.name,
      this.version,
      description.digest,
      items,
      settings,
      Object.freeze(warnings),
      description,
    );
  }

  private read(name: unknown, given: unknown, known: readonly string[]): { named: string; options: Options } {
    const named = readName(name, 'step', shown(name), this.problems);
    return { named, options: Options.of(given, known, 'the step', this.problems, named) };
  }

  private add(member: Made<Member> | undefined): never {
    this.made.push({ member });
    return this as never;
  }

  /** What could not be read at all is left out: there is a problem that says so. */
  private items(): readonly WorkflowItem[] {
    const made = this.made.map((each) => ('group' in each ? each.group : each.member?.(this.retry)));
    const members = made.flatMap((each): readonly Member[] => {
      if (typeof each === 'function') return each(this.retry, '').members;
      return each ? [each] : [];
    });
    const taken = new Set(members.map(({ name }) => name));
    let groups = 0;
    const items: WorkflowItem[] = [];
    for (const each of made) {
      if (!each) continue;
      if (typeof each !== 'function') {
        items.push(each);
        continue;
      }
      // `getNextStep` takes the name of a group too, so that it must not be a step's.
      do groups += 1;
      while (taken.has(`parallel-${groups}`));
      items.push(each(this.retry, `parallel-${groups}`));
    }
    return Object.freeze(items);
  }
}

function stepOptions(given: unknown): unknown {
  return typeof given === 'string' ? { compensation: given } : given;
}

function refusal(name: string, problems: readonly Problem[]): ValidationError {
  const lines = problems.map(
    (p) => `  ${p.code}${p.step ? ` at '${p.step}'` : ''}: ${p.message} (${p.mend})`,
  );
  return new ValidationError(
    'INVALID_WORKFLOW',
    `workflow '${name}' cannot be built:\n${lines.join('\n')}`,
    problems,
  );
}
