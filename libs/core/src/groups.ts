import type { WorkflowContext } from './context.js';
import type { Problem } from './errors.js';
import { mapOptions, readMap } from './maps.js';
import type { StepMapOptions, WorkflowMapOptions } from './maps.js';
import { NAME_MEND, Options, elementsOf, fieldsOf, isName } from './options.js';
import { problem, shown } from './problems.js';
import { STEP_OPTIONS, readStep } from './steps.js';
import type { Made, StepOptions } from './steps.js';
import { SUB_WORKFLOW_OPTIONS, readSubWorkflow } from './sub-workflows.js';
import type { SubWorkflowOptions } from './sub-workflows.js';
import { SIGNAL_OPTIONS, SLEEP_OPTIONS, readSignal, readSleep, readSleepUntil } from './waits.js';
import type { SignalOptions, SleepOptions } from './waits.js';
import type { Join, Member, ParallelGroup, Reducer, Workflow } from './workflow.js';

/* What each kind of member has and the others have not tells them apart, for the compiler too. */

/** A step in a parallel group: a name, a worker, and the options of `addStep`. */
export type StepMember<Context = WorkflowContext> = StepOptions<Context> &
  Not<'over' | 'workflow' | 'signal' | 'sleep' | 'sleepUntil'> & {
    readonly name: string;
    readonly worker: string;
  };

/** A sub-workflow in a parallel group: a name, a workflow, and the options of `addWorkflow`. */
export type WorkflowMember<Context = WorkflowContext> = SubWorkflowOptions<Context, AnyMapper> &
  Not<'over' | 'worker' | 'signal' | 'sleep' | 'sleepUntil'> & {
    readonly name: string;
    readonly workflow: Workflow;
  };

/** A map in a parallel group: a name, and the options of `addMap`. */
export type MapMember<Context = WorkflowContext> = (
  StepMapOptions<Context, Context> | WorkflowMapOptions<Context, Context, unknown, Workflow, AnyMapper>
) &
  Not<'signal' | 'sleep' | 'sleepUntil'> & { readonly name: string };

/** A wait for a signal in a parallel group; with `approval`, one that must say so. */
export type SignalMember<Context = WorkflowContext> = SignalOptions<Context> &
  Not<'over' | 'worker' | 'workflow' | 'sleep' | 'sleepUntil'> & {
    readonly name: string;
    readonly signal: string;
    readonly approval?: boolean;
  };

/** A sleep in a parallel group: so many milliseconds, or until a date. */
export type SleepMember<Context = WorkflowContext> = SleepOptions<Context> &
  Not<'over' | 'worker' | 'workflow' | 'signal'> & { readonly name: string } & (
    | { readonly sleep: number; readonly sleepUntil?: undefined }
    | { readonly sleepUntil: (context: Context) => string | number | Date; readonly sleep?: undefined }
  );

export type ParallelMember<Context = WorkflowContext> =
  | StepMember<Context>
  | WorkflowMember<Context>
  | MapMember<Context>
  | SignalMember<Context>
  | SleepMember<Context>;

/** Of a child that may be any: what it sees is written there. */
type AnyMapper = ((context: WorkflowContext) => unknown) | undefined;

type Not<Keys extends string> = { readonly [Key in Keys]?: undefined };

/** Options of a parallel group. */
export interface ParallelOptions<Reducers = Readonly<Record<string, (values: readonly never[]) => unknown>>> {
  /** When the group is over; `all` by default. */
  readonly join?: Join;
  /** When it has failed: wait for who is still out (`quiesce`, the default), or undo at once. */
  readonly onFailure?: ParallelGroup['onFailure'];
  /** What members that the join did not need have done stays; false by default. */
  readonly keep?: boolean;
  /** By field of the context: makes one value of those that several members write, in the order of the members. */
  readonly reducers?: Reducers;
}

const GROUP_OPTIONS: readonly (keyof ParallelOptions)[] = ['join', 'onFailure', 'keep', 'reducers'];

/** A group, waiting for the retry policy of its workflow and for its name. */
export type MadeGroup = (...given: [...Parameters<Made<unknown>>, name: string]) => ParallelGroup;

/** The group that was described; what is wrong with it, or with a member, becomes a problem. */
export function readGroup(given: unknown, groupOptions: unknown, problems: Problem[]): MadeGroup {
  const options = Options.of(groupOptions, GROUP_OPTIONS, 'the parallel group', problems);
  const listed = elementsOf(given);
  if (!listed || listed.length === 0)
    options.wrong('EMPTY_GROUP', 'a parallel group has no members', 'pass a list of members');
  const members = (listed ?? [])
    .map((member) => readMember(member, problems))
    .filter((member) => member !== undefined);
  const join = readJoin(options, listed?.length ?? 0);
  const onFailure = options.oneOf('onFailure', ['quiesce', 'failFast'], 'BAD_ON_FAILURE') ?? 'quiesce';
  const keep = options.flag('keep');
  const reducers = readReducers(options);
  return (workflowRetry, name) =>
    Object.freeze({
      kind: 'parallel',
      name,
      members: Object.freeze(members.map((make) => make(workflowRetry))),
      join,
      onFailure,
      keep,
      reducers,
    });
}

/** A name as it was given, or as it may be shown when it is none. */
export function readName(
  given: unknown,
  what: string,
  step: string | undefined,
  problems: Problem[],
): string {
  if (!isName(given))
    problems.push(problem('BAD_NAME', step, `'${shown(given)}' is no name for a ${what}`, NAME_MEND));
  return shown(given);
}

function readMember(given: unknown, problems: Problem[]): Made<Member> | undefined {
  const fields = fieldsOf(given);
  if (!fields) {
    const mend = 'pass { name, worker }, or a workflow, a map, a signal or a sleep with its name';
    problems.push(problem('BAD_MEMBER', undefined, `a member of a parallel group is ${shown(given)}`, mend));
    return undefined;
  }
  const name = readName(fields['name'], 'step', shown(fields['name']), problems);
  const read = (...known: readonly string[]): Options =>
    Options.of(fields, ['name', ...known], 'the member', problems, name);
  const has = (key: string): boolean => fields[key] !== undefined;
  if (has('over')) return readMap(name, read(...mapOptions(fields)));
  if (has('workflow'))
    return readSubWorkflow(name, fields['workflow'], read('workflow', ...SUB_WORKFLOW_OPTIONS));
  if (has('signal')) {
    const options = read('approval', ...SIGNAL_OPTIONS);
    return readSignal(name, options.flag('approval'), options);
  }
  if (has('sleep')) return readSleep(name, fields['sleep'], read('sleep', ...SLEEP_OPTIONS));
  if (has('sleepUntil')) return readSleepUntil(name, read('sleepUntil', ...SLEEP_OPTIONS));
  return readStep(name, fields['worker'], read('worker', ...STEP_OPTIONS));
}

function readJoin(options: Options, members: number): Join {
  const given = options.raw('join');
  if (given === undefined) return 'all';
  if (given === 'all' || given === 'any' || given === 'settle') return given;
  const fields = fieldsOf(given);
  if (!fields || Object.keys(fields).join() !== 'quorum') {
    options.wrong('BAD_JOIN', `join is ${shown(given)}`, 'use all, any, settle or { quorum: n }');
    return 'all';
  }
  const { quorum } = fields;
  if (Number.isInteger(quorum) && (quorum as number) >= 1 && (quorum as number) <= members)
    return Object.freeze({ quorum: quorum as number });
  options.wrong(
    'QUORUM_OUT_OF_BOUNDS',
    `quorum is ${shown(quorum)} of ${members} members`,
    'use a whole number from 1 to the number of members',
  );
  return 'all';
}

function readReducers(options: Options): Readonly<Record<string, Reducer>> {
  const given = options.raw('reducers');
  if (given === undefined) return Object.freeze({});
  const fields = fieldsOf(given);
  if (!fields) {
    options.wrong('BAD_OPTIONS', 'reducers is no plain object', 'pass { field: (values) => value }');
    return Object.freeze({});
  }
  const reducers: [string, Reducer][] = [];
  for (const [key, reduce] of Object.entries(fields)) {
    if (typeof reduce === 'function')
      reducers.push([key, Object.freeze({ reduce: reduce as Reducer['reduce'] })]);
    else
      options.wrong(
        'NOT_A_FUNCTION',
        `the reducer of ${shown(key)} is not a function`,
        'pass (values) => value',
      );
  }
  return Object.freeze(Object.fromEntries(reducers));
}
