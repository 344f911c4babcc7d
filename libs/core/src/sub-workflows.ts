import type { WorkflowContext } from './context.js';
import { isWorkflow } from './is-workflow.js';
import type { Options } from './options.js';
import { conditionIn, mapperIn } from './steps.js';
import type { ConditionOf, Made } from './steps.js';
import type { SubWorkflow } from './workflow.js';

/** Options of a workflow that is a step of another. */
export interface SubWorkflowOptions<
  Context = WorkflowContext,
  Mapper = ((context: WorkflowContext) => unknown) | undefined,
  Asked extends ConditionOf<Context> = ConditionOf<Context>,
> {
  /** What the child is given as its input, an object; without it, the whole context, flat. */
  readonly input?: (context: Context) => unknown;
  /** Makes the child's result of the child's own context; without it, the results of its steps by name. */
  readonly output?: Mapper;
  readonly condition?: Asked;
}

export const SUB_WORKFLOW_OPTIONS: readonly (keyof SubWorkflowOptions)[] = ['input', 'output', 'condition'];

/** The sub-workflow that the options describe; undefined when `child` is none. */
export function readSubWorkflow(
  name: string,
  child: unknown,
  options: Options,
): Made<SubWorkflow> | undefined {
  const [condition, input, output] = [
    conditionIn(options),
    mapperIn('input', options),
    mapperIn('output', options),
  ];
  if (!isWorkflow(child)) {
    options.wrong('NOT_A_WORKFLOW', 'what it should run is no workflow', 'pass what build() returned');
    return undefined;
  }
  const item: SubWorkflow = Object.freeze({
    kind: 'workflow',
    name,
    workflow: child,
    ...(condition && { condition }),
    ...(input && { input }),
    ...(output && { output }),
  });
  return () => item;
}
