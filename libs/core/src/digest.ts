import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import * as z from 'zod';
import type { Step, StepDescription, WorkflowDescription, WorkflowItem } from './workflow.js';

/** The definition as plain data, with its digest: SHA-256 over canonical JSON (keys in order), 32 hex digits kept. */
export function describeWorkflow(
  name: string,
  version: number,
  items: readonly WorkflowItem[],
  inputSchema: z.ZodType | undefined,
): WorkflowDescription {
  const described = {
    format: 1 as const,
    name,
    version,
    ...(inputSchema && { inputSchema: jsonSchema(inputSchema) }),
    items: items.map((item) =>
      item.kind === 'parallel'
        ? { kind: item.kind, name: item.name, members: item.members.map(describeStep) }
        : describeStep(item),
    ),
  };
  // A copy: what a schema refers to is not ours to freeze.
  const content = JSON.parse(JSON.stringify(described)) as Omit<WorkflowDescription, 'digest'>;
  return deepFreeze({ ...content, digest: digestOf(content) });
}

/** The digest of a definition as plain data; a digest that it already names does not count. */
export function digestOf(content: Omit<WorkflowDescription, 'digest'>): string {
  const { digest: _, ...rest } = content as WorkflowDescription;
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(rest)))).slice(0, 32);
}

/** The names under which a step's functions are asked for when the definition comes back from JSON. */
export const conditionName = (step: string): string => `${step}.condition`;
export const inputName = (step: string): string => `${step}.input`;

function describeStep(step: Step): StepDescription {
  const { condition, input, output, ...plain } = step;
  return {
    ...plain,
    ...(condition && { condition: conditionName(step.name) }),
    ...(input && { input: inputName(step.name) }),
    ...(output && { output: jsonSchema(output) }),
  };
}

/** The schema as JSON Schema. Throws when it cannot be told as such. */
export function jsonSchema(schema: z.ZodType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'output',
    // Of the output zod says that it has no other keys. But the schema lets them pass, and so must its copy.
    override: ({ zodSchema, jsonSchema: told }) => {
      const { def } = zodSchema._zod;
      if (def.type === 'object' && !def.catchall) delete told.additionalProperties;
    },
  }) as Record<string, unknown>;
  return rest;
}

/** Freezes plain data, all the way down. */
export function deepFreeze<T>(data: T): T {
  if (typeof data === 'object' && data !== null) Object.values(Object.freeze(data)).forEach(deepFreeze);
  return data;
}

/** JSON with its keys in order: equal data gives equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}
