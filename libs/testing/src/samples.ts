import * as z from 'zod';

/** As much of JSON Schema as zod writes. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly minItems?: number;
  readonly maxItems?: number;
}

/**
 * A value that fits the schema: the first of its examples, else one made of its JSON Schema, with every optional field and
 * two items in each list. Throws an Error that names `what` when the value does not fit after all, as behind a refinement.
 */
export function sampleOf(schema: z.ZodType, what: string): unknown {
  const value = made(schema);
  const parsed = schema.safeParse(value);
  if (parsed.success) return value;
  const [issue] = parsed.error.issues;
  const reason = issue ? `${issue.path.join('.') || '(value)'}: ${issue.message}` : 'it was refused';
  throw new Error(
    `no sample of ${what} could be made (${reason}): give one, or add \`.meta({ examples: [...] })\` to the schema`,
  );
}

function made(schema: z.ZodType): unknown {
  const described = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'date')
        Object.assign(jsonSchema, { type: 'string', format: 'date-time' });
    },
  }) as Schema;
  return new Maker(described).value(described, 'text', 0);
}

/** A schema that holds itself ends here: optional fields and items are left out. */
const DEEP = 4;

const FORMATS: Readonly<Record<string, string>> = {
  uuid: '01900000-0000-7000-8000-0000000000aa',
  email: 'somebody@example.com',
  'date-time': '2030-01-01T12:00:00.000Z',
  date: '2030-01-01',
  time: '12:00:00',
  duration: 'PT1H',
  uri: 'https://example.com/',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
};

/** Tried in turn on a pattern. */
const TEXTS = [
  'a',
  'A',
  '1',
  'abc',
  'ABC',
  '123',
  'a1',
  'A1',
  'A-1',
  'abc-123',
  'ABC-123',
  'EUR',
  '12.50',
  '2030-01-01',
];

class Maker {
  constructor(private readonly root: Schema) {}

  value(schema: Schema, name: string, depth: number): unknown {
    if (schema.examples && schema.examples.length > 0) return schema.examples[0];
    if ('const' in schema) return schema.const;
    if ('default' in schema) return schema.default;
    if (schema.enum) return schema.enum[0];
    if (schema.$ref !== undefined) return this.value(this.referred(schema.$ref), name, depth + 1);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices)
      return this.value(choices.find(({ type }) => type !== 'null') ?? choices[0] ?? {}, name, depth);
    if (schema.allOf) {
      const parts = schema.allOf.map((part) => this.value(part, name, depth));
      return parts.every((part) => typeof part === 'object')
        ? (Object.assign({}, ...parts) as unknown)
        : parts[0];
    }
    const { type } = schema;
    const one = typeof type === 'object' ? (type.find((each) => each !== 'null') ?? type[0]) : type;
    switch (one) {
      case 'string':
        return textOf(schema, name);
      case 'number':
      case 'integer':
        return numberOf(schema);
      case 'boolean':
        return true;
      case 'null':
        return null;
      case 'array':
        return this.list(schema, name, depth);
      case 'object':
        return this.object(schema, depth);
      default:
        return schema.properties ? this.object(schema, depth) : {};
    }
  }

  private object(
    { properties = {}, required = [], ...rest }: Schema,
    depth: number,
  ): Record<string, unknown> {
    const made: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(properties))
      if (depth < DEEP || required.includes(key)) made[key] = this.value(field, key, depth + 1);
    if (Object.keys(properties).length > 0 || typeof rest.additionalProperties !== 'object') return made;
    const names = rest.propertyNames?.enum ?? [
      rest.propertyNames ? this.value(rest.propertyNames, 'key', depth) : 'key',
    ];
    for (const name of names)
      made[String(name)] = this.value(rest.additionalProperties, String(name), depth + 1);
    return made;
  }

  private list(
    { items, prefixItems = [], minItems, maxItems = Infinity }: Schema,
    name: string,
    depth: number,
  ): unknown[] {
    const made = prefixItems.map((item, index) => this.value(item, `${name}-${index + 1}`, depth + 1));
    if (typeof items !== 'object') return made;
    const wanted = depth < DEEP ? 2 : 0;
    const count = Math.min(maxItems, Math.max(minItems ?? 0, wanted));
    while (made.length < count) made.push(this.value(items, `${name}-${made.length + 1}`, depth + 1));
    return made;
  }

  private referred(ref: string): Schema {
    if (ref === '#') return this.root;
    return this.root.$defs?.[ref.replace('#/$defs/', '')] ?? {};
  }
}

function textOf({ format, pattern, minLength = 0, maxLength = Infinity }: Schema, name: string): string {
  const known = format === undefined ? undefined : FORMATS[format];
  if (known !== undefined) return known;
  const fits = (text: string): boolean => text.length >= minLength && text.length <= maxLength;
  const expression = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  const found = [name, ...TEXTS].find((text) => fits(text) && (expression?.test(text) ?? true));
  return found ?? name.padEnd(minLength, 'x').slice(0, Math.max(minLength, Math.min(maxLength, name.length)));
}

function numberOf(schema: Schema): number {
  const step = schema.multipleOf ?? (schema.type === 'integer' ? 1 : undefined);
  const { exclusiveMinimum, exclusiveMaximum } = schema;
  const least = Math.max(schema.minimum ?? -Infinity, exclusiveMinimum ?? -Infinity);
  const most = Math.min(schema.maximum ?? Infinity, exclusiveMaximum ?? Infinity);
  const fits = (value: number): boolean =>
    value >= least && value <= most && value !== exclusiveMinimum && value !== exclusiveMaximum;
  const by = step ?? 1;
  const candidates = [
    1,
    by,
    Math.ceil(least),
    Math.ceil(least) + by,
    Math.floor(most),
    Math.floor(most) - by,
    (least + most) / 2,
  ];
  const fitting =
    step === undefined ? candidates : candidates.map((value) => Math.round(value / step) * step);
  return fitting.find((value) => Number.isFinite(value) && fits(value)) ?? least;
}
