import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import * as z from 'zod';
import { pathIn } from './tree.js';
import type {
  ItemDescription,
  Member,
  ParallelGroup,
  WorkflowDescription,
  WorkflowItem,
  WorkflowSettings,
} from './workflow.js';

/** The definition as plain data, with its digest: SHA-256 over canonical JSON (keys in order), 32 hex digits kept. */
export function describeWorkflow(
  name: string,
  version: number,
  items: readonly WorkflowItem[],
  { inputSchema, sagaTimeout, failureMode, part }: WorkflowSettings,
): WorkflowDescription {
  const described = {
    format: 1 as const,
    name,
    version,
    ...(inputSchema && { inputSchema: jsonSchema(inputSchema) }),
    ...(sagaTimeout !== undefined && { sagaTimeout }),
    ...(failureMode !== 'compensate' && { failureMode }),
    ...(part && { part }),
    items: items.map((item) =>
      item.kind === 'parallel' ? describeGroup(item) : describeMember(item, item.name),
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

/** The name under which a function is asked for when the definition comes back from JSON. */
export function functionName(path: string, option: string): string {
  return `${path}.${option}`;
}

/** The path under which the functions of what a map runs are asked for. */
export function bodyPath(path: string): string {
  return pathIn(path, '*');
}

function describeGroup({ members, reducers, ...plain }: ParallelGroup): ItemDescription {
  return {
    ...plain,
    reducers: Object.fromEntries(
      Object.keys(reducers).map((key) => [key, functionName(`${plain.name}.${key}`, 'reduce')]),
    ),
    members: members.map((member) => describeMember(member, member.name)),
  };
}

/** Every option that is data stands as it is; functions by name, schemas as JSON Schema, children as they describe themselves. */
function describeMember(member: Member, path: string): ItemDescription {
  const described: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(member)) {
    if (value instanceof z.ZodType) described[option] = jsonSchema(value);
    else described[option] = isFunctionIn(value) ? functionName(path, option) : value;
  }
  if (member.kind === 'workflow') described['workflow'] = member.workflow.toJSON();
  if (member.kind === 'map') described['body'] = describeMember(member.body, bodyPath(path));
  return described as ItemDescription;
}

/** A condition, a mapper or a reducer. An array has a `map` of its own, though not as a field. */
function isFunctionIn(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ['evaluate', 'map', 'reduce'].some((key) => Object.hasOwn(value, key));
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
  if (typeof data !== 'object' || data === null) return data;
  Object.freeze(data);
  for (const key in data) deepFreeze(data[key]);
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
