/** Waits that grow from `firstMs` to `capMs`, each with random jitter, and can be cut short. */
export class Backoff {
  #tries = 0;
  #wake: () => void = () => undefined;

  constructor(
    readonly firstMs: number,
    readonly capMs: number,
    readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds: between a half and the whole of the doubled wait before, capped. */
  next(): number {
    const whole = Math.min(this.capMs, this.firstMs * 2 ** Math.min(this.#tries++, 30));
    return whole / 2 + (this.random() * whole) / 2;
  }

  pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), this.next());
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve();
      };
    });
  }

  /** Ends the pause that is going on. */
  wake(): void {
    this.#wake();
  }

  reset(): void {
    this.#tries = 0;
  }
}

/** Resolves with `task`, or undefined after `ms`; never rejects, and lets a task that hangs go. */
export async function within(task: Promise<unknown>, ms: number): Promise<'done' | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  const done = task.then(
    () => 'done' as const,
    () => 'done' as const,
  );
  const first = await Promise.race([done, late]);
  clearTimeout(timer);
  return first;
}
