import { CounterstepError } from '@counterstep/core';
import type { Clock, StoreClock } from './clock.js';
import type { Logger } from './logger.js';
import type { CheckedSchedule } from './schedules.js';
import type { Store } from './store.js';

export interface SchedulerOptions {
  readonly schedules: readonly CheckedSchedule[];
  readonly store: Pick<Store, 'firstSeen'>;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly logger: Logger;
  /** Starts the saga of a tick. That it was started before is no error. */
  readonly start: (schedule: CheckedSchedule, tick: number) => Promise<void>;
}

/** Milliseconds until what failed is tried again. */
const AGAIN = 1_000;
/** The store's clock may be set; no wait is longer than this. */
const LONGEST = 60_000;

/** Of one schedule: the last tick that was seen to, and when anybody first had it. */
interface State {
  done: number;
  since?: number;
}

/**
 * Makes the ticks of schedules happen, by the store's clock. Every orchestrator does so for itself: the start of a tick is
 * a request with an id of its own, so the first one starts the saga and the others get it. After a time in which nobody
 * was there the last tick is made good, if it is not too old; those before it are not.
 */
export class Scheduler {
  private readonly cancels = new Map<CheckedSchedule, () => void>();
  private stopped = false;

  constructor(private readonly options: SchedulerOptions) {}

  start(): void {
    for (const schedule of this.options.schedules) void this.run(schedule, { done: -Infinity });
  }

  stop(): void {
    this.stopped = true;
    for (const cancel of this.cancels.values()) cancel();
  }

  private async run(schedule: CheckedSchedule, state: State): Promise<void> {
    if (this.stopped) return;
    const { clock, storeClock } = this.options;
    const now = storeClock.now();
    const isDone = await this.makeGood(schedule, state, now);
    if (this.stopped) return;
    // Counted from before: a tick may have come while that was awaited.
    const next = isDone ? (schedule.next(now) ?? Infinity) - storeClock.now() : AGAIN;
    const cancel = clock.after(Math.max(0, Math.min(next, LONGEST)), () => void this.run(schedule, state));
    this.cancels.set(schedule, cancel);
  }

  /** Sees to the last tick; false when it must be tried again. */
  private async makeGood(schedule: CheckedSchedule, state: State, now: number): Promise<boolean> {
    const { store, logger, start } = this.options;
    const { name, pattern, timeZone, catchUp } = schedule;
    let tick: number | undefined;
    try {
      // A tick from before anybody had this schedule was not missed.
      state.since ??= await store.firstSeen(`schedule ${name} ${pattern} ${timeZone}`);
      tick = schedule.last(now);
      if (tick === undefined || tick <= state.done || tick < state.since) return true;
      if (now - tick <= catchUp) await start(schedule, tick);
      else if (state.done > -Infinity)
        logger.error('a tick was missed', { schedule: name, tick: timeOf(tick) });
      state.done = tick;
      return true;
    } catch (error) {
      if (this.stopped) return false;
      const isFinal = tick !== undefined && !(error instanceof CounterstepError && error.retryable);
      logger[isFinal ? 'error' : 'warn']('the saga of a tick could not be started', {
        schedule: name,
        ...(tick !== undefined && { tick: timeOf(tick) }),
        error: error instanceof Error ? error.message : String(error),
      });
      if (isFinal && tick !== undefined) state.done = tick;
      return isFinal;
    }
  }
}

function timeOf(tick: number): string {
  return new Date(tick).toISOString();
}
