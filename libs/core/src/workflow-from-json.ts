import * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { bodyPath, deepFreeze, digestOf, functionName } from './digest.js';
import { ValidationError } from './errors.js';
import { proofOf } from './proof.js';
import { retryPolicyOf } from './retry.js';
import { pathIn } from './tree.js';
import { Workflow } from './workflow.js';
import type {
  ItemDescription,
  MapItem,
  Member,
  ParallelGroup,
  Reducer,
  SignalWait,
  Sleep,
  Step,
  SubWorkflow,
  WorkflowDescription,
} from './workflow.js';

/**
 * The functions of a definition by name: `<path>.condition`, `.input`, `.output`, `.over`, `.until`, and
 * `<group>.<field>.reduce`. In a sub-workflow `ship` the path is `ship/<step>`, in what a map runs, `<map>/*`.
 */
export type WorkflowFunctions = {
  readonly [name in `${string}.${'condition' | 'input' | 'output' | 'over' | 'until'}`]?: (
    context: WorkflowContext,
  ) => unknown;
} & { readonly [name in `${string}.reduce`]?: Reducer['reduce'] };

const FORMAT = 1;

/**
 * The workflow that `toJSON` described. Throws `ValidationError` when the data is none (`UNKNOWN_FORMAT`), has a kind of
 * item that this version does not know (`UNKNOWN_KIND`), a function is missing (`MISSING_FUNCTION`), or the data does not
 * give the digest that it names (`DIGEST_MISMATCH`). Refinements and conversions of a schema (`coerce`, `catch`, `pipe`) do
 * not travel as JSON, and keys that it would drop are kept.
 */
export function workflowFromJson(data: WorkflowDescription, functions: WorkflowFunctions = {}): Workflow {
  return workflowIn(data, new Functions(functions, ''));
}

function workflowIn(data: WorkflowDescription, functions: Functions): Workflow {
  if ((data as unknown) === null || typeof data !== 'object' || (data.format as unknown) !== FORMAT)
    throw new ValidationError('UNKNOWN_FORMAT', `this is no description of a workflow in format ${FORMAT}`);
  const digest = digestOf(data);
  if (digest !== data.digest)
    throw new ValidationError(
      'DIGEST_MISMATCH',
      `the description of workflow ${data.name} has digest ${data.digest}, its content gives ${digest}`,
    );
  const items = data.items.map((item) =>
    item.kind === 'parallel' ? groupFrom(item, functions) : memberFrom(item, item.name, functions),
  );
  const settings = {
    ...(data.inputSchema !== undefined && { inputSchema: schemaFrom(data.inputSchema) }),
    ...(data.sagaTimeout !== undefined && { sagaTimeout: data.sagaTimeout }),
    failureMode: data.failureMode ?? 'compensate',
    part: data.part ?? false,
  };
  return new Workflow(
    data.name,
    data.version,
    data.digest,
    Object.freeze(items),
    settings,
    Object.freeze(proofOf(items)),
    deepFreeze(JSON.parse(JSON.stringify(data)) as WorkflowDescription),
  );
}

/** What was given, asked for by the paths of one workflow, which may lie in another. */
class Functions {
  constructor(
    private readonly given: WorkflowFunctions,
    private readonly scope: string,
  ) {}

  inside(path: string): Functions {
    return new Functions(this.given, pathIn(this.scope, path));
  }

  /** Throws `ValidationError` when there is none of that name. */
  need(path: string, option: string): (given: never) => unknown {
    const name = functionName(pathIn(this.scope, path), option);
    const given: Readonly<Record<string, unknown>> = this.given;
    const found = Object.hasOwn(given, name) ? given[name] : undefined;
    if (typeof found !== 'function')
      throw new ValidationError('MISSING_FUNCTION', `the definition needs a function named '${name}'`);
    return found as (given: never) => unknown;
  }
}

function groupFrom(data: ItemDescription, functions: Functions): ParallelGroup {
  const { members = [], reducers, ...plain } = data;
  const reducer = (key: string): Reducer =>
    Object.freeze({ reduce: functions.need(`${data.name}.${key}`, 'reduce') });
  return Object.freeze({
    ...(plain as Pick<ParallelGroup, 'kind' | 'name' | 'join' | 'onFailure' | 'keep'>),
    join: deepFreeze(plain['join'] as ParallelGroup['join']),
    reducers: Object.freeze(
      Object.fromEntries(Object.keys(reducers as object).map((key) => [key, reducer(key)])),
    ),
    members: Object.freeze(members.map((member) => memberFrom(member, member.name, functions))),
  });
}

function memberFrom(data: ItemDescription, path: string, functions: Functions): Member {
  const named = {
    ...data,
    ...(data['condition'] !== undefined && {
      condition: Object.freeze({ evaluate: functions.need(path, 'condition') }),
    }),
  } as unknown;
  const mapper = (option: string): object => {
    if (data[option] === undefined) return {};
    return { [option]: Object.freeze({ map: functions.need(path, option) }) };
  };
  const schema = (): object => (data['output'] === undefined ? {} : { output: schemaFrom(data['output']) });
  switch (data.kind) {
    case 'step': {
      const step = { ...(named as Step), ...mapper('input'), ...schema() };
      return Object.freeze({
        ...step,
        ...(step.writes && { writes: Object.freeze([...step.writes]) }),
        retry: retryPolicyOf(step.retry),
        undoRetry: retryPolicyOf(step.undoRetry),
      });
    }
    case 'workflow': {
      const workflow = workflowIn(data.workflow as WorkflowDescription, functions.inside(path));
      return Object.freeze({ ...(named as SubWorkflow), ...mapper('input'), ...mapper('output'), workflow });
    }
    case 'map': {
      const body = memberFrom(data.body as ItemDescription, bodyPath(path), functions) as MapItem['body'];
      const { tolerate } = named as MapItem;
      return Object.freeze({
        ...(named as MapItem),
        ...mapper('over'),
        body,
        tolerate: Object.freeze({ ...tolerate }),
      });
    }
    case 'signal':
      return Object.freeze({ ...(named as SignalWait), ...schema() });
    case 'sleep':
      return Object.freeze({ ...(named as Sleep), ...mapper('until') });
    default:
      throw new ValidationError(
        'UNKNOWN_KIND',
        `'${data.name}' is of kind '${data.kind}', which is not known here`,
      );
  }
}

function schemaFrom(schema: unknown): z.ZodType {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}
