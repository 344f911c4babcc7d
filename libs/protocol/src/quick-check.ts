import type * as z from 'zod/v4/core';

/** Whether a value read from JSON is certainly valid. `false` says nothing: the schema itself must be asked. */
export type QuickCheck = (value: unknown) => boolean;

const DOUBTFUL: QuickCheck = () => false;

/**
 * A check that makes nothing, read off a schema. Parsing with the schema costs every message a copy of itself and two
 * objects per field, and almost all messages are valid. What is not known here is left to the schema.
 */
export function quickCheckOf(schema: z.$ZodType): QuickCheck {
  const { def } = (schema as z.$ZodTypes)._zod;
  // A format is a check too, and only these two types are added to here.
  if ('format' in def ? def.format !== 'safeint' : def.checks && def.type !== 'string') return DOUBTFUL;
  switch (def.type) {
    case 'object':
      return def.catchall ? DOUBTFUL : fieldsOf(def.shape);
    case 'union':
      return 'discriminator' in def ? anyOf(def.options.map(quickCheckOf)) : DOUBTFUL;
    case 'optional':
      return optional(quickCheckOf(def.innerType));
    case 'string':
      return all((value) => typeof value === 'string', def.checks);
    case 'number':
      return isPlainInt(def) ? all(Number.isSafeInteger, def.checks) : DOUBTFUL;
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'enum':
      return oneOf(Object.values(def.entries));
    case 'literal':
      return oneOf(def.values);
    case 'unknown':
      return () => true;
    default:
      return DOUBTFUL;
  }
}

function fieldsOf(shape: z.$ZodShape): QuickCheck {
  const fields = Object.entries(shape).map(([name, schema]) => ({ name, check: quickCheckOf(schema) }));
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    for (const { name, check } of fields) if (!check((value as Record<string, unknown>)[name])) return false;
    return true;
  };
}

function anyOf(checks: readonly QuickCheck[]): QuickCheck {
  return (value) => {
    for (const check of checks) if (check(value)) return true;
    return false;
  };
}

function optional(check: QuickCheck): QuickCheck {
  return (value) => value === undefined || check(value);
}

function oneOf(values: readonly unknown[]): QuickCheck {
  const [only] = values;
  return values.length === 1 ? (value) => value === only : (value) => values.includes(value);
}

function isPlainInt(def: z.$ZodNumberDef): boolean {
  return 'format' in def && def.format === 'safeint' && !def.coerce;
}

/** The type's check and those that were added to it. */
function all(first: QuickCheck, added: readonly z.$ZodCheck[] = []): QuickCheck {
  const checks = added.map((check) => addedCheckOf((check as unknown as z.$ZodChecks)._zod.def));
  return (value) => {
    if (!first(value)) return false;
    for (const check of checks) if (!check(value)) return false;
    return true;
  };
}

function addedCheckOf(def: z.$ZodChecks['_zod']['def']): QuickCheck {
  switch (def.check) {
    case 'min_length':
      return (value) => (value as string).length >= def.minimum;
    case 'max_length':
      return (value) => (value as string).length <= def.maximum;
    case 'greater_than':
      return (value) =>
        def.inclusive ? Number(value) >= Number(def.value) : Number(value) > Number(def.value);
    case 'string_format':
      return def.format === 'regex' && def.pattern && !/[gy]/.test(def.pattern.flags)
        ? (value) => def.pattern?.test(value as string) ?? false
        : DOUBTFUL;
    default:
      return DOUBTFUL;
  }
}
