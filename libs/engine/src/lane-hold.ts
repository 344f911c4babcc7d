import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { Lane, Store } from './store.js';

export interface LaneHoldOptions {
  readonly store: Store;
  readonly digests: readonly string[];
  readonly timer: Clock;
  readonly logger: Logger;
}

/** The lane that a loop writes to, and the way back to one when it is lost. */
export class LaneHold {
  /** Undefined while there is none. */
  lane: Lane | undefined;
  private failures = 0;

  constructor(private readonly options: LaneHoldOptions) {}

  /** Whether the last visit to the store went well. */
  get isHealthy(): boolean {
    return this.lane !== undefined && this.failures === 0;
  }

  async open(): Promise<void> {
    this.lane = await this.options.store.openLane(this.options.digests);
  }

  worked(): void {
    this.failures = 0;
  }

  /**
   * Gives the lane up for a new one, however long the store is away; false when that is given up because everything stops.
   * `onWaited` is told of each pause.
   */
  async reopen(meanwhile: { onWaited: () => void; isStopping: () => boolean }): Promise<boolean> {
    const { timer, logger } = this.options;
    this.failures += 1;
    await this.close();
    for (;;) {
      const ms = Math.min(5_000, 50 * 2 ** Math.min(this.failures, 7));
      await new Promise<void>((resolve) => timer.after(ms, resolve));
      meanwhile.onWaited();
      try {
        await this.open();
        return true;
      } catch (failure) {
        this.failures += 1;
        logger.error('the store cannot be reached', { error: String(failure) });
        if (meanwhile.isStopping()) return false;
      }
    }
  }

  async close(): Promise<void> {
    await this.lane?.close().catch(() => undefined);
    this.lane = undefined;
  }
}
