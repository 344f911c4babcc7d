/** Lets at most so many tasks run at once; the others wait in order. */
export class Slots {
  #free: number;
  #stopped: (() => Error) | undefined;
  readonly #waiting: { start: () => void; refuse: (error: Error) => void }[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#take();
    try {
      return await task();
    } finally {
      this.#give();
    }
  }

  /** What waits, and all that comes later, is refused with `error`. What runs goes on. */
  close(error: () => Error): void {
    this.#stopped = error;
    for (const { refuse } of this.#waiting.splice(0)) refuse(error());
  }

  #take(): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped());
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((start, refuse) => this.#waiting.push({ start, refuse }));
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next) next.start();
    else this.#free += 1;
  }
}
