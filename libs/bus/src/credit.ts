/** How many more messages may be handed out before some are acknowledged. */
export class Credit {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1)
      throw new RangeError(`credit must be a whole number above 0: ${limit}`);
    this.#free = limit;
  }

  get free(): number {
    return this.#free;
  }

  take(count: number): void {
    this.#free -= count;
  }

  give(count: number): void {
    this.#free += count;
    if (this.#free > 0) this.wake();
  }

  /** Resolves when there may be credit again, or when somebody called `wake`. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
