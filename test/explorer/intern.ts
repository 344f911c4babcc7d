/** Gives equal values one small number, so that a state of the whole is a short list of numbers. */
export class Interned<Value> {
  private readonly numbers = new Map<string, number>();
  private readonly values: Value[] = [];

  /** `key` tells values apart; without one, their JSON with the keys in order. */
  constructor(private readonly key: (value: Value) => string = canonical) {}

  number(value: Value): number {
    const key = this.key(value);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.numbers.set(key, this.values.length);
    this.values.push(value);
    return this.values.length - 1;
  }

  value(number: number): Value {
    return this.values[number] as Value;
  }

  get size(): number {
    return this.values.length;
  }
}

/** JSON with the keys in order. Fields that are undefined do not count. */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Array.isArray(value) ? `[${value.map(canonical).join(',')}]` : `{${fieldsOf(value).join(',')}}`;
}

function fieldsOf(value: object): string[] {
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `"${name}":${canonical(field)}`);
}

/** Whether two JSON values are the same. Fields that are undefined do not count. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const name in one) if (!same(one[name], other[name])) return false;
  for (const name in other) if (other[name] !== undefined && one[name] === undefined) return false;
  return true;
}
