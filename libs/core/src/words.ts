const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/**
 * A time in words, such as `12 s`, `1 min 30 s` or `3 d 4 h`: its two greatest units, rounded to the lesser; below ten
 * seconds to a tenth (`1.5 s`), below one in milliseconds. Never negative.
 */
export function inWords(milliseconds: number): string {
  const length = Math.max(0, Math.round(milliseconds));
  if (length < 1_000) return `${length} ms`;
  if (length < 9_950) return `${Math.round(length / 100) / 10} s`;
  const greatest = UNITS.findIndex(([, size]) => length >= size);
  const grain = UNITS[Math.min(greatest + 1, 3)]?.[1] ?? 1;
  const rounded = Math.round(length / grain) * grain;
  // What is rounded up may have become one of the next greater unit.
  const first = UNITS.findIndex(([, size]) => rounded >= size);
  let rest = rounded;
  const words: string[] = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) words.push(`${count} ${unit}`);
  }
  return words.join(' ');
}

/** `once`, `twice`, `3 times`. */
export function times(count: number): string {
  if (count === 1) return 'once';
  return count === 2 ? 'twice' : `${count} times`;
}

const MOST_LISTED = 10;

/** `a, b and c`; of more than ten, the first ten. */
export function listed(names: readonly string[]): string {
  if (names.length > MOST_LISTED)
    return `${names.slice(0, MOST_LISTED).join(', ')} and ${names.length - MOST_LISTED} more`;
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** `a, then b, then c`; of more than ten, the first ten. */
export function inSequence(names: readonly string[]): string {
  const more = names.length - MOST_LISTED;
  return [...names.slice(0, MOST_LISTED), ...(more > 0 ? [`${more} more stages`] : [])].join(', then ');
}
