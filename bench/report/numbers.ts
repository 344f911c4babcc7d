/** A number for people: three digits that matter, thousands apart; a dash for what was not measured. */
export function shown(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(size < 0.01 ? 2 : 3)));
}

/** Several, as `1 / 2 / 3`. */
export function shownAll(values: readonly (number | undefined)[]): string {
  return values.every((value) => value === undefined) ? '–' : values.map(shown).join(' / ');
}
