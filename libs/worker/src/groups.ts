export interface GroupsOptions<Item> {
  /** Groups that run at the same time. */
  readonly slots: number;
  /** What an item is expected to take, in milliseconds; undefined: it is never grouped with others. */
  readonly expectedMs: (item: Item) => number | undefined;
  /** Runs the items. Must not reject. */
  readonly perform: (group: readonly Item[]) => Promise<void>;
  /** Items that nobody will run any more. */
  readonly refuse: (items: readonly Item[]) => void;
}

interface Waiting<Item> {
  readonly item: Item;
  readonly since: number;
}

/** Items in a group. */
const MAX_GROUP = 200;
/** What a group is expected to take at most, in milliseconds, unless it is one item; and how long another group waits for it. */
const GROUP_MS = 10;

/**
 * Few and full groups: what comes while a group runs makes the next one. A second one beside it begins only when enough
 * waits for a full group, or something has waited for as long as a full group takes; so slow items run side by side.
 */
export class Groups<Item> {
  readonly #options: GroupsOptions<Item>;
  readonly #alone: Waiting<Item>[] = [];
  readonly #together: Waiting<Item>[] = [];
  #running = 0;
  #runningTogether = 0;
  #closed = false;
  #willLook = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GroupsOptions<Item>) {
    this.#options = options;
  }

  push(item: Item): void {
    if (this.#closed) return this.#options.refuse([item]);
    const waiting = { item, since: performance.now() };
    if (this.#options.expectedMs(item) === undefined) this.#alone.push(waiting);
    else this.#together.push(waiting);
    // A turn of the event loop, so that what arrives together runs together.
    if (this.#willLook) return;
    this.#willLook = true;
    setImmediate(() => this.#look());
  }

  /** Nothing begins any more; what waits is refused, what runs goes on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.refuse([...this.#alone.splice(0), ...this.#together.splice(0)].map(({ item }) => item));
  }

  #look(): void {
    this.#willLook = false;
    while (!this.#closed && this.#running < this.#options.slots) {
      const alone = this.#alone[0];
      const isNext = alone !== undefined && !(this.#together[0] && this.#together[0].since < alone.since);
      if (isNext) this.#run(this.#alone.splice(0, 1), false);
      else if (this.#isFull()) this.#run(this.#together.splice(0, this.#next().count), true);
      else if (alone) this.#run(this.#alone.splice(0, 1), false);
      else break;
    }
    this.#lookLater();
  }

  /** Whether another group is worth a transaction of its own. */
  #isFull(): boolean {
    const [oldest] = this.#together;
    if (!oldest) return false;
    if (this.#runningTogether === 0 || this.#together.length >= MAX_GROUP) return true;
    return this.#next().ms >= GROUP_MS || performance.now() - oldest.since >= GROUP_MS;
  }

  /** How many of those that wait make the next group, and what is expected of them now: it changes as more is learned. */
  #next(): { count: number; ms: number } {
    const most = Math.min(MAX_GROUP, this.#together.length);
    let ms = 0;
    for (let count = 0; count < most; count += 1) {
      const { item } = this.#together[count] as Waiting<Item>;
      const expected = this.#options.expectedMs(item) ?? 0;
      if (count > 0 && ms + expected > GROUP_MS) return { count, ms: ms + expected };
      ms += expected;
    }
    return { count: most, ms };
  }

  #run(group: readonly Waiting<Item>[], isTogether: boolean): void {
    this.#running += 1;
    if (isTogether) this.#runningTogether += 1;
    void this.#options.perform(group.map(({ item }) => item)).then(() => {
      this.#running -= 1;
      if (isTogether) this.#runningTogether -= 1;
      this.#look();
    });
  }

  #lookLater(): void {
    const [oldest] = this.#together;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!oldest || this.#closed || this.#running >= this.#options.slots) return;
    const ms = Math.max(1, oldest.since + GROUP_MS - performance.now());
    this.#timer = setTimeout(() => this.#look(), ms);
  }
}
