import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import type { Options } from './options.js';
import { fieldsOf, isWithin } from './options.js';
import { shown } from './problems.js';
import { STEP_OPTIONS, conditionIn, mapperIn, readStep } from './steps.js';
import type { ConditionOf, Made, StepOptions } from './steps.js';
import { SUB_WORKFLOW_OPTIONS, readSubWorkflow } from './sub-workflows.js';
import type { SubWorkflowOptions } from './sub-workflows.js';
import type { MapItem, Step, SubWorkflow, Workflow } from './workflow.js';

/** Options of a map, whatever runs for its items. */
export interface MapOptions<Context, Items, Asked extends ConditionOf<Context>> {
  /** Gives the list: one run for each of its items. Say it first: the types of what follows come from it. */
  readonly over: (context: Context) => Items;
  /** How many items run, or are undone, at the same time; default 10. */
  readonly concurrency?: number;
  /** A longer list is `rejected` with the code `MAP_TOO_LONG`; default 1,000, at most 10,000. */
  readonly maxItems?: number;
  /** How many items may fail before the map fails: a number, or a fraction of all, rounded down; default none. */
  readonly tolerate?: { readonly count: number } | { readonly fraction: number };
  readonly condition?: Asked;
}

/** A map that runs a step for each item: options of the map, and of the step. */
export type StepMapOptions<
  Context,
  ItemContext,
  Items = unknown,
  Output extends z.ZodType | undefined = z.ZodType | undefined,
  Asked extends ConditionOf<Context> = ConditionOf<Context>,
> = MapOptions<Context, Items, Asked> &
  Omit<StepOptions<ItemContext, Output>, 'condition' | 'writes' | 'pivot'> & {
    readonly worker: string;
    readonly workflow?: undefined;
  };

/** A map that runs a workflow for each item. */
export type WorkflowMapOptions<
  Context,
  ItemContext,
  Items = unknown,
  Child extends Workflow = Workflow,
  Mapper = ((context: WorkflowContext) => unknown) | undefined,
  Asked extends ConditionOf<Context> = ConditionOf<Context>,
> = MapOptions<Context, Items, Asked> &
  Omit<SubWorkflowOptions<ItemContext, Mapper>, 'condition'> & {
    readonly workflow: Child;
    readonly worker?: undefined;
  };

const MAP_OPTIONS = ['over', 'concurrency', 'maxItems', 'tolerate', 'condition'] as const;
const CONCURRENCY = 10;
const MAX_ITEMS = 1_000;
const MOST_ITEMS = 10_000;

/** What a map's options may be, by what it runs: a step takes others than a workflow. */
export function mapOptions(given: unknown): readonly string[] {
  return fieldsOf(given)?.['workflow'] === undefined
    ? [...MAP_OPTIONS, 'worker', ...STEP_OPTIONS.filter((key) => key !== 'condition'), 'workflow']
    : [...MAP_OPTIONS, 'workflow', 'worker', ...SUB_WORKFLOW_OPTIONS.filter((key) => key !== 'condition')];
}

/** The map that the options describe; undefined when it has nothing to run. */
export function readMap(name: string, options: Options): Made<MapItem> | undefined {
  const over = mapperIn('over', options);
  if (!over && !options.has('over'))
    options.wrong('NOT_A_FUNCTION', 'over is missing', 'pass (context) => list');
  const condition = conditionIn(options);
  const concurrency = options.whole('concurrency', 1, MOST_ITEMS, 'CONCURRENCY_OUT_OF_BOUNDS') ?? CONCURRENCY;
  const maxItems = options.whole('maxItems', 1, MOST_ITEMS, 'MAX_ITEMS_OUT_OF_BOUNDS') ?? MAX_ITEMS;
  const tolerate = readTolerance(options);
  const body = readBody(name, options);
  if (!body || !over) return undefined;
  return (workflowRetry) =>
    Object.freeze({
      kind: 'map',
      name,
      ...(condition && { condition }),
      over,
      body: body(workflowRetry),
      concurrency,
      maxItems,
      tolerate,
    });
}

function readBody(name: string, options: Options): Made<Step | SubWorkflow> | undefined {
  const [worker, workflow] = [options.has('worker'), options.has('workflow')];
  if (worker === workflow) {
    options.wrong(
      'MAP_BODY',
      worker ? 'it has a worker and a workflow' : 'it has nothing to run for each item',
      'name a worker or a workflow',
    );
    return undefined;
  }
  // The condition is the map's, asked once.
  const own = options.without('condition');
  if (workflow) return readSubWorkflow(name, options.raw('workflow'), own);
  if (options.has('writes'))
    options.wrong(
      'MAP_WRITES',
      'every item would write the same fields of the context',
      "read the map's result, a list, in the steps that follow",
    );
  return readStep(name, options.raw('worker'), own.without('writes'));
}

function readTolerance(options: Options): MapItem['tolerate'] {
  const none = Object.freeze({ count: 0 });
  const given = options.raw('tolerate');
  if (given === undefined) return none;
  const fields = fieldsOf(given) ?? {};
  const { count, fraction } = fields;
  if (Object.keys(fields).length === 1) {
    if (Number.isInteger(count) && isWithin(count, 0, MOST_ITEMS))
      return Object.freeze({ count: count as number });
    if (isWithin(fraction, 0, 1)) return Object.freeze({ fraction: fraction as number });
  }
  options.wrong(
    'TOLERATE_OUT_OF_BOUNDS',
    `tolerate is ${shown(count ?? fraction ?? given)}`,
    `use { count: 0 to ${MOST_ITEMS} } or { fraction: 0 to 1 }`,
  );
  return none;
}
