interface Item {
  readonly at: number;
  readonly run: () => void;
}

/** What is to happen, in the order of its time; of one time, in the order in which it was planned. */
export class Agenda {
  #items: Item[] = [];

  get next(): number | undefined {
    return this.#items[0]?.at;
  }

  add(at: number, run: () => void): void {
    const index = this.#items.findLastIndex((item) => item.at <= at) + 1;
    this.#items.splice(index, 0, { at, run });
  }

  take(): Item | undefined {
    return this.#items.shift();
  }
}
