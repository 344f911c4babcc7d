/** The port behind which time passes; tests give a virtual one. */
export interface Clock {
  /** Milliseconds, never going back; the origin does not matter. */
  now(): number;
  /** Calls `run` once after so many milliseconds; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** setTimeout's longest delay; a longer wait is made of several. */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    if (ms <= LONGEST) {
      const soon = setTimeout(run, Math.max(0, ms));
      return () => {
        clearTimeout(soon);
      };
    }
    let timeout: NodeJS.Timeout;
    const wait = (left: number): void => {
      timeout = setTimeout(
        () => {
          if (left > LONGEST) wait(left - LONGEST);
          else run();
        },
        Math.max(0, Math.min(left, LONGEST)),
      );
    };
    wait(ms);
    return () => {
      clearTimeout(timeout);
    };
  },
};

/** Resolves when `task` has ended, one way or the other, or after so many milliseconds. */
export async function within(clock: Clock, ms: number, task: Promise<unknown>): Promise<void> {
  let cancel = (): void => undefined;
  const patience = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  await Promise.race([task.catch(() => undefined), patience]);
  cancel();
}

/** Milliseconds by which an earlier answer may be ahead of the store; more means that its clock was set back. */
const MAX_LEAD = 1_000;

/**
 * The store's clock, read between visits: its offset to the local one, measured with each. An answer is always late, so
 * the largest offset seen is the truest; it is forgotten slowly, lest one bad measure rule for ever. But the store cannot
 * be further ahead than if it had read its clock when it was asked.
 */
export class StoreClock {
  private offset = -Infinity;
  private latest = 0;

  constructor(private readonly clock: Clock) {}

  /** When the store is asked: to be given to `learn` with its answer. */
  asking(): number {
    return this.clock.now();
  }

  learn(storeNow: number, askedAt: number): void {
    const sample = storeNow - this.clock.now();
    const offset = sample > this.offset ? sample : this.offset + (sample - this.offset) * 0.01;
    // The answer is in whole milliseconds.
    this.offset = Math.min(offset, storeNow + 1 - askedAt);
    const present = this.present();
    if (this.latest - present > MAX_LEAD) this.latest = present;
  }

  /** Milliseconds since the epoch. Goes back only when the store's clock was set back by more than a second. */
  now(): number {
    this.latest = Math.max(this.latest, this.present());
    return this.latest;
  }

  private present(): number {
    return Math.round(this.clock.now() + this.offset);
  }
}
