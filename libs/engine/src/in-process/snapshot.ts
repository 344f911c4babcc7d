/** As deep as JSON may be nested; what is deeper is refused later, and may contain itself. */
const MAX_DEPTH = 200;

/**
 * A copy of all lists and plain objects in it, so that the caller may go on to change them. Anything else stays itself: the
 * workflow's schema may know what to make of it.
 */
export function snapshot(value: unknown): unknown {
  try {
    return copyOf(value, 0);
  } catch {
    // It cannot be read: whoever checks it says why.
    return value;
  }
}

function copyOf(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => copyOf(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copyOf(field, depth + 1)]));
}
