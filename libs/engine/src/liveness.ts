import { within } from './clock.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { Store, Vitals } from './store.js';

export interface LivenessOptions {
  readonly store: Pick<Store, 'now' | 'vitals' | 'hangingSagas'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between two looks. */
  readonly interval: number;
}

/** What a look found. */
export interface LivenessReport extends Vitals {
  /** By the store's clock, milliseconds since the epoch. */
  readonly checkedAt: number;
}

/** What is due is left to the orchestrators so long, in milliseconds, before it counts as overdue. */
export const OVERDUE_AFTER = 60_000;
const NAMED = 10;

/**
 * Looks every so often whether promise 6 holds: that no saga hangs, and that what is due is done. Apart from the sweep that
 * does the work, so that it goes on when that is stuck.
 */
export class LivenessWatch {
  /** What the last look found; undefined before the first. */
  report: LivenessReport | undefined;
  private isStopped = false;
  private cancel: (() => void) | undefined;
  private looking: Promise<void> | undefined;

  constructor(private readonly options: LivenessOptions) {}

  start(): void {
    if (this.isStopped) return;
    this.looking = this.look().finally(() => {
      if (this.isStopped) return;
      this.cancel = this.options.clock.after(this.options.interval, () => {
        this.start();
      });
    });
  }

  /** Does not wait for a store that has frozen. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.cancel?.();
    if (this.looking) await within(this.options.clock, 2_000, this.looking);
  }

  private async look(): Promise<void> {
    const { store, logger } = this.options;
    try {
      const checkedAt = await store.now();
      const vitals = await store.vitals(checkedAt - OVERDUE_AFTER);
      const before = this.report;
      this.report = { ...vitals, checkedAt };
      if (vitals.hanging > 0)
        logger.error('sagas hang: nothing will move them, and nobody was asked', {
          sagas: vitals.hanging,
          first: (await store.hangingSagas(NAMED)).join(', '),
        });
      // Told when it begins and when it ends: every look would fill the log.
      if (vitals.overdue > 0 && !before?.overdue)
        logger.warn('sagas are overdue: what was to happen by itself did not', {
          sagas: vitals.overdue,
          since: new Date(vitals.oldestDueAt ?? checkedAt).toISOString(),
        });
      if (vitals.overdue === 0 && before?.overdue) logger.info('no saga is overdue any more');
    } catch (error) {
      logger.warn('the liveness of sagas could not be looked at', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
