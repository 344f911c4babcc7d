import { parseJson } from '@counterstep/protocol';
import type { JsonObject } from '@counterstep/protocol';
import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import type { InputMapper, Member, Reducer } from './workflow.js';

/* The functions of a definition, called. They are the user's, so their answers are checked; what they throw is passed on. */

/** Whether the member's turn comes in this context. A promise is no answer: it would always count as true. */
export function answersTrue({ condition }: Pick<Member, 'condition'>, context: WorkflowContext): boolean {
  if (!condition) return true;
  const answer = condition.evaluate(context);
  refusePromise(answer, 'the condition');
  return Boolean(answer);
}

/** What a mapper makes of the context, as it will be read back from history. */
export function mapped(mapper: InputMapper, context: WorkflowContext, what: string): unknown {
  return plain(mapper.map(context), what);
}

/** As `mapped`, for what is given to a sub-workflow. */
export function mappedObject(mapper: InputMapper, context: WorkflowContext, what: string): JsonObject {
  return asObject(mapped(mapper, context, what), what);
}

/** Milliseconds since the epoch. */
export function mappedTime(mapper: InputMapper, context: WorkflowContext): number {
  const value = mapper.map(context);
  refusePromise(value, 'the date');
  const time = new Date(value as string | number | Date).getTime();
  if (Number.isNaN(time)) throw new Error(`the date is ${String(value)}, which is none`);
  return time;
}

export function reduced(reducer: Reducer, values: readonly unknown[], key: string): unknown {
  return plain(reducer.reduce(values), `the reducer of ${key}`);
}

/** As the schema leaves it, or what the schema has against it. Throws when the schema itself fails. */
export function readObject(
  schema: z.ZodType,
  value: JsonObject,
  what: string,
): { input: JsonObject } | { problem: string } {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { input: asObject(plain(parsed.data, what), what) };
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || `(${what})`}: ${message}`,
  );
  return { problem: problems.join('; ') };
}

function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} returned no object`);
  return value as JsonObject;
}

function plain(value: unknown, what: string): unknown {
  refusePromise(value, what);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new Error(`${what} returned nothing that is JSON`);
  // JSON writes null, and an amount that could not be computed must not reach a worker as one.
  if (text.includes('null')) refuseNonFinite(value, what);
  const copy = parseJson(text);
  if (!copy.ok) throw new Error(`${what} returned what cannot be stored: ${copy.problem.message}`);
  return copy.value;
}

function refuseNonFinite(value: unknown, what: string): void {
  JSON.stringify(value, (key, field: unknown) => {
    if (typeof field === 'number' && !Number.isFinite(field))
      throw new Error(`${what} returned ${field}${key === '' ? '' : ` as ${key}`}, which is no JSON`);
    return field;
  });
}

function refusePromise(value: unknown, what: string): void {
  if (typeof value !== 'object' || value === null || !('then' in value)) return;
  // A rejection that nobody handles would end the process.
  const ignore = (): void => undefined;
  if (typeof value.then === 'function') Reflect.apply(value.then, value, [ignore, ignore]);
  throw new Error(`${what} returned a promise; definitions are synchronous`);
}
