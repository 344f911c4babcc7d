/** Where `actual` lacks what `expected` has; objects may have more fields than expected, lists may not. */
export function mismatches(expected: unknown, actual: unknown, at = ''): string[] {
  if (isObject(expected) && isObject(actual))
    return Object.entries(expected).flatMap(([key, value]) =>
      mismatches(value, actual[key], at === '' ? key : `${at}.${key}`),
    );
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length)
    return expected.flatMap((value, index) => mismatches(value, actual[index], `${at}[${index}]`));
  if (Object.is(expected, actual)) return [];
  return [`${at === '' ? 'it' : at}: expected ${shown(expected)}, got ${shown(actual)}`];
}

export function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
