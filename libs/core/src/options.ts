import { NAME_PATTERN } from '@counterstep/protocol';
import * as z from 'zod';
import { canonicalJson, jsonSchema } from './digest.js';
import { reasonOf } from './errors.js';
import type { Problem } from './errors.js';
import { problem, shown } from './problems.js';
import type { DefinitionCode } from './problems.js';

/** A year, in milliseconds. */
export const MAX_DURATION = 365 * 24 * 3_600_000;

export const NAME_MEND =
  'use at most 100 letters, digits, _, - and inner dots, but no name that every object has, such as constructor';

type AnyFunction = (given: never) => unknown;

/**
 * The options of one call of the builder, which in JavaScript may be anything. Each is asked for by the type that it must
 * have; one that is wrong becomes a problem, and is then answered as if it were absent, so that no second problem follows.
 */
export class Options {
  private constructor(
    private readonly fields: Readonly<Record<string, unknown>>,
    readonly problems: Problem[],
    readonly step: string | undefined,
  ) {}

  /** Takes apart what `where` was given. What is no plain object, or has an option that is not known, is a problem. */
  static of(
    given: unknown,
    known: readonly string[],
    where: string,
    problems: Problem[],
    step?: string,
  ): Options {
    const fields = fieldsOf(given);
    const options = new Options(fields ?? {}, problems, step);
    if (!fields) options.wrong('BAD_OPTIONS', `${where} got no plain object`, `pass { ${known.join(', ')} }`);
    // A mistyped option would silently count for nothing.
    for (const key of Object.keys(fields ?? {}).filter((each) => !known.includes(each)))
      options.wrong(
        'UNKNOWN_OPTION',
        `${where} has no option '${shown(key)}'`,
        `the options are ${known.join(', ')}`,
      );
    return options;
  }

  wrong(code: DefinitionCode, message: string, mend: string): void {
    this.problems.push(problem(code, this.step, message, mend));
  }

  /** The same without one of them. */
  without(key: string): Options {
    const { [key]: _, ...rest } = this.fields;
    return new Options(rest, this.problems, this.step);
  }

  /** The same with one more, which the builder's method was given by itself. */
  plus(key: string, value: unknown): Options {
    return new Options({ ...this.fields, [key]: value }, this.problems, this.step);
  }

  /** As it was given. */
  raw(key: string): unknown {
    return this.fields[key];
  }

  has(key: string): boolean {
    return this.fields[key] !== undefined;
  }

  flag(key: string): boolean {
    const value = this.fields[key];
    if (value !== undefined && typeof value !== 'boolean')
      this.wrong('NOT_A_FLAG', `${key} is ${shown(value)}`, 'use true or false');
    return Boolean(value);
  }

  whole(key: string, low: number, high: number, code: DefinitionCode): number | undefined {
    const value = this.fields[key];
    if (value === undefined || (Number.isInteger(value) && isWithin(value, low, high)))
      return value as number;
    this.wrong(code, `${key} is ${shown(value)}`, `use a whole number from ${low} to ${high}`);
    return undefined;
  }

  /** Milliseconds. */
  duration(key: string, code: DefinitionCode = 'TIMEOUT_OUT_OF_BOUNDS'): number | undefined {
    const value = this.fields[key];
    if (value === undefined || isDuration(value)) return value;
    this.wrong(code, `${key} is ${shown(value)}`, DURATION_MEND);
    return undefined;
  }

  oneOf<const Value extends string>(
    key: string,
    allowed: readonly Value[],
    code: DefinitionCode,
  ): Value | undefined {
    const value = this.fields[key];
    if (value === undefined || allowed.includes(value as Value)) return value as Value | undefined;
    this.wrong(code, `${key} is ${shown(value)}`, `use ${allowed.join(' or ')}`);
    return undefined;
  }

  /** A name that is wrong is shown for it: a second problem, that there is none, would mislead. */
  name(key: string, code: DefinitionCode): string | undefined {
    const value = this.fields[key];
    if (value === undefined || isName(value)) return value;
    this.wrong(code, `${key} is '${shown(value)}', which is no name`, NAME_MEND);
    return shown(value);
  }

  fn(key: string, mend: string): AnyFunction | undefined {
    const value = this.fields[key];
    if (value === undefined || typeof value === 'function') return value as AnyFunction | undefined;
    this.wrong('NOT_A_FUNCTION', `${key} is not a function`, `pass ${mend}`);
    return undefined;
  }

  /** A schema must be zod and describable as JSON Schema: the digest covers it, and its values are stored as JSON. */
  schema(key: string): z.ZodType | undefined {
    const value = this.fields[key];
    if (value === undefined) return undefined;
    if (!isSchema(value)) {
      this.wrong('NOT_A_SCHEMA', `${key} is not a zod schema`, 'pass a zod 4 schema');
      return undefined;
    }
    try {
      if (canonicalJson(jsonSchema(value)) === canonicalJson(jsonSchema(value))) return value;
      this.wrong(
        'SCHEMA_NOT_STABLE',
        `${key} is another each time it is told as JSON Schema, and so the digest would be`,
        'give a default as a value; what is computed belongs into the input or a step',
      );
    } catch (error) {
      this.wrong(
        'SCHEMA_NOT_JSON',
        `${key} cannot be told as JSON Schema: ${reasonOf(error)}`,
        'describe JSON: strings for dates, no transforms, no functions',
      );
    }
    return undefined;
  }
}

export const DURATION_MEND = `use a whole number from 1 to ${MAX_DURATION} milliseconds`;

export function isDuration(value: unknown): value is number {
  return Number.isInteger(value) && isWithin(value, 1, MAX_DURATION);
}

export function isName(value: unknown): value is string {
  // Names are keys of plain objects: what every object has by birth is no name.
  return typeof value === 'string' && NAME_PATTERN.test(value) && !(value in {});
}

export function isWithin(value: unknown, low: number, high: number): boolean {
  return typeof value === 'number' && value >= low && value <= high;
}

/** The own fields of a plain object, read once; undefined for anything else. Never throws, whatever a getter does. */
export function fieldsOf(given: unknown): Record<string, unknown> | undefined {
  try {
    if (typeof given !== 'object' || given === null) return undefined;
    const prototype: unknown = Object.getPrototypeOf(given);
    // By shape and not by identity: an object may come from another realm.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return undefined;
    return Array.isArray(given) ? undefined : { ...given };
  } catch {
    return undefined;
  }
}

/** The elements of an array, read once; undefined for anything else. Never throws. */
export function elementsOf(given: unknown): readonly unknown[] | undefined {
  try {
    return Array.isArray(given) ? [...(given as unknown[])] : undefined;
  } catch {
    return undefined;
  }
}

function isSchema(value: unknown): value is z.ZodType {
  try {
    return value instanceof z.ZodType;
  } catch {
    return false;
  }
}
