import * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { conditionName, deepFreeze, digestOf, inputName } from './digest.js';
import { ValidationError } from './errors.js';
import { retryPolicyOf } from './retry.js';
import { undoMissing } from './steps.js';
import { Workflow, stepsIn } from './workflow.js';
import type { Step, StepDescription, WorkflowDescription, WorkflowItem } from './workflow.js';

/** The functions of a definition by name: `<step>.condition` and `<step>.input`. */
export type WorkflowFunctions = Readonly<Record<string, (context: WorkflowContext) => unknown>>;

const FORMAT = 1;

/**
 * The workflow that `toJSON` described. Throws `ValidationError` when the data is none (`UNKNOWN_FORMAT`), a function is
 * missing (`MISSING_FUNCTION`), or the data does not give the digest that it names (`DIGEST_MISMATCH`). Refinements and
 * conversions of a schema (`coerce`, `catch`, `pipe`) do not travel as JSON, and keys that it would drop are kept.
 */
export function workflowFromJson(data: WorkflowDescription, functions: WorkflowFunctions = {}): Workflow {
  if ((data as unknown) === null || typeof data !== 'object' || (data.format as unknown) !== FORMAT)
    throw new ValidationError('UNKNOWN_FORMAT', `this is no description of a workflow in format ${FORMAT}`);
  const digest = digestOf(data);
  if (digest !== data.digest)
    throw new ValidationError(
      'DIGEST_MISMATCH',
      `the description of workflow ${data.name} has digest ${data.digest}, its content gives ${digest}`,
    );
  const items = data.items.map((item): WorkflowItem => {
    if (!('members' in item)) return stepFrom(item, functions);
    const members = Object.freeze(item.members.map((member) => stepFrom(member, functions)));
    return Object.freeze({ kind: 'parallel', name: item.name, members });
  });
  const warnings = items.flatMap(stepsIn).flatMap(undoMissing);
  const inputSchema = data.inputSchema === undefined ? undefined : schemaFrom(data.inputSchema);
  return new Workflow(
    data.name,
    data.version,
    data.digest,
    Object.freeze(items),
    inputSchema,
    Object.freeze(warnings),
    deepFreeze(JSON.parse(JSON.stringify(data)) as WorkflowDescription),
  );
}

function stepFrom(data: StepDescription, functions: WorkflowFunctions): Step {
  const { condition, input, output, ...plain } = data;
  return Object.freeze({
    ...plain,
    retry: retryPolicyOf(plain.retry),
    undoRetry: retryPolicyOf(plain.undoRetry),
    ...(condition !== undefined && {
      condition: Object.freeze({ evaluate: need(conditionName(data.name), functions) }),
    }),
    ...(input !== undefined && { input: Object.freeze({ map: need(inputName(data.name), functions) }) }),
    ...(output !== undefined && { output: schemaFrom(output) }),
  });
}

function need(name: string, functions: WorkflowFunctions): (context: WorkflowContext) => unknown {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (typeof found !== 'function')
    throw new ValidationError('MISSING_FUNCTION', `the definition needs a function named '${name}'`);
  return found;
}

function schemaFrom(schema: unknown): z.ZodType {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}
