/** Something that the target of a conversion cannot hold. */
export interface Loss {
  /** What it is, such as `polygons`. */
  readonly what: string;
  /** How often it occurs. */
  readonly count: number;
  /** Where it occurs first. */
  readonly first: string;
}

/** Counts what a conversion leaves behind, so that nothing is lost in silence. */
export class Losses {
  readonly #found = new Map<string, { count: number; first: string }>();

  add(what: string, where: string): void {
    const found = this.#found.get(what);
    if (found) found.count += 1;
    else this.#found.set(what, { count: 1, first: where });
  }

  /** Notes the fields that an object has beside the known ones. */
  addUnknownFields(value: object, known: ReadonlySet<string>, kind: string, where: string): void {
    for (const field of Object.keys(value)) if (!known.has(field)) this.add(`${kind}.${field}`, where);
  }

  /** In the order of their first occurrence. */
  list(): Loss[] {
    return [...this.#found].map(([what, { count, first }]) => ({ what, count, first }));
  }
}
