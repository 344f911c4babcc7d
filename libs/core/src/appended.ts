/**
 * The list with one more item; the list that was given is not to be used any more. Of what there is one of nearly always: a
 * list that was made by `push` or by spreading has room for seventeen.
 */
export function appended<Item>(list: Item[], item: Item): Item[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}
