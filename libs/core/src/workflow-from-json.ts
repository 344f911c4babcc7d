import * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { conditionName, digestOf, inputName } from './digest.js';
import { ValidationError } from './errors.js';
import { Workflow } from './workflow.js';
import type { Step, StepDescription, WorkflowDescription, WorkflowItem } from './workflow.js';

/** The functions of a definition by name: `<step>.condition` and `<step>.input`. */
export type WorkflowFunctions = Readonly<Record<string, (context: WorkflowContext) => unknown>>;

/**
 * The workflow that `toJSON` described. Throws `ValidationError` when a function is missing (`MISSING_FUNCTION`) or the
 * data does not give the digest that it names (`DIGEST_MISMATCH`).
 */
export function workflowFromJson(data: WorkflowDescription, functions: WorkflowFunctions = {}): Workflow {
  const digest = digestOf(data);
  if (digest !== data.digest)
    throw new ValidationError(
      'DIGEST_MISMATCH',
      `the description of workflow ${data.name} has digest ${data.digest}, its content gives ${digest}`,
    );
  const items = data.items.map((item): WorkflowItem =>
    'members' in item
      ? { kind: 'parallel', name: item.name, members: item.members.map((m) => stepFrom(m, functions)) }
      : stepFrom(item, functions),
  );
  const inputSchema = data.inputSchema === undefined ? undefined : schemaFrom(data.inputSchema);
  return new Workflow(data.name, data.version, data.digest, items, inputSchema, [], data);
}

function stepFrom(data: StepDescription, functions: WorkflowFunctions): Step {
  const { condition, input, output, ...plain } = data;
  return {
    ...plain,
    ...(condition !== undefined && { condition: { evaluate: need(conditionName(data.name), functions) } }),
    ...(input !== undefined && { input: { map: need(inputName(data.name), functions) } }),
    ...(output !== undefined && { output: schemaFrom(output) }),
  };
}

function need(name: string, functions: WorkflowFunctions): (context: WorkflowContext) => unknown {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!found)
    throw new ValidationError('MISSING_FUNCTION', `the definition needs a function named '${name}'`);
  return found;
}

function schemaFrom(schema: unknown): z.ZodType {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}
