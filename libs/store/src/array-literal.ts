/* Arrays as Postgres reads them, written at once: the driver's own way costs several times as much. */

/** The array of values whose text holds nothing that has a meaning in an array: numbers, booleans, words of ours. */
export function plain<Item>(
  items: readonly Item[],
  valueOf: (item: Item) => string | number | boolean | undefined,
): string {
  let text = '{';
  for (let index = 0; index < items.length; index += 1) {
    const value = valueOf(items[index] as Item);
    text += `${index > 0 ? ',' : ''}${value ?? 'null'}`;
  }
  return `${text}}`;
}

/** The array of texts of any kind. */
export function quoted<Item>(items: readonly Item[], textOf: (item: Item) => string | undefined): string {
  let text = '{';
  for (let index = 0; index < items.length; index += 1) {
    const value = textOf(items[index] as Item);
    if (index > 0) text += ',';
    text += value === undefined ? 'null' : `"${escaped(value)}"`;
  }
  return `${text}}`;
}

/** Only these two have a meaning between quotes. */
function escaped(text: string): string {
  return text.includes('"') || text.includes('\\') ? text.replaceAll(/["\\]/g, '\\$&') : text;
}
