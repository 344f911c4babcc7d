import type { AttemptName, Saga } from '@counterstep/core';
import type { Clock, StoreClock } from './clock.js';
import type { PutOff } from './store.js';
import { keyOf, watchListOf } from './watch-list.js';
import type { WatchList } from './watch-list.js';

export interface Expiry extends AttemptName {
  readonly sagaId: string;
  /** When the attempt was decided. */
  readonly sentAt: number;
  /** Of the saga's definition. */
  readonly digest: string;
  /** Its handler gave a sign of life, so somebody has picked it up. */
  readonly heard: boolean;
}

interface Timer {
  readonly cancel: () => void;
  /** Milliseconds that it was set for. */
  readonly ms: number;
  /** By the store's clock. */
  readonly at: number;
  /** Of an attempt: its key, and its due time when it was set. */
  readonly attempt: { readonly key: string; readonly dueAt: number } | undefined;
  readonly run: (heard: boolean) => void;
}

/** A saga and its timers. */
interface Watch {
  list: WatchList;
  /** When it is due, signs of life counted; undefined once a timer has run. */
  due: number | undefined;
  readonly timers: Map<string, Timer>;
}

export interface TimersOptions {
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  /** A retry, a start, the end of a wait, or the saga's deadline is due. */
  readonly onDue: (sagaId: string) => void;
  /** An attempt has had its time. */
  readonly onExpired: (expiry: Expiry) => void;
  /** An attempt should have been picked up by now. */
  readonly onPickUpDue: (expiry: Expiry) => void;
  /** Signs of life have put off when the saga is due. Told at most once per third of an attempt's time. */
  readonly onPutOff: (putOff: PutOff) => void;
  /** Milliseconds within which a worker must have taken the attempt's command; undefined when it may lie. */
  readonly pickUpTimeout: (saga: Saga, step: string) => number | undefined;
}

/**
 * The timers of the sagas that this process moved last, in memory. What is lost with the process, the sweep finds by the
 * due time on the saga's row. An attempt's time counts from the broker's confirmation, not from the decision, and anew
 * from every sign of life.
 */
export class Timers {
  private readonly watches = new Map<string, Watch>();
  private stopped = false;

  constructor(private readonly options: TimersOptions) {}

  /** Whether this process watches the saga as it is: one that is due at another time has moved elsewhere meanwhile. */
  isWatched(sagaId: string, due: number): boolean {
    const watch = this.watches.get(sagaId);
    return watch !== undefined && watch.timers.size > 0 && watch.due === due;
  }

  /** The saga has moved: drops what is over, plans what is due. */
  moved(saga: Saga): void {
    const list = watchListOf(saga);
    // Also while it is paused or held: then nothing is due.
    if (!list || this.stopped) {
      this.forget(saga.sagaId);
      return;
    }
    const watch = this.watchFor(list);
    const { planned, running } = list;
    const { deadline } = saga;
    const isPlanned = (key: string): boolean =>
      key === DEADLINE + String(deadline) || planned.some((each) => each.key === key);
    for (const [key, timer] of watch.timers) {
      const { attempt: of } = timer;
      const attempt = of && running.find((each) => each.key === of.key);
      if (attempt ? attempt.dueAt === of.dueAt : isPlanned(key)) continue;
      drop(watch, key);
      // A sign of life has put it off.
      if (attempt && key === attempt.key)
        this.set(watch, key, attempt.dueAt - this.now(), timer.run, attempt, true);
    }
    const onDue = (): void => {
      this.options.onDue(saga.sagaId);
    };
    for (const { key, at } of planned) this.set(watch, key, at - this.now(), onDue);
    if (deadline !== undefined) this.set(watch, DEADLINE + String(deadline), deadline - this.now(), onDue);
  }

  /** The commands decided up to `upTo` are with the broker: their attempts' time begins. */
  confirmed(saga: Saga, upTo: number): void {
    const { onExpired, onPickUpDue, pickUpTimeout } = this.options;
    const { sagaId, workflow } = saga;
    const before = this.watches.get(sagaId);
    const list = before?.list.saga === saga ? before.list : watchListOf(saga);
    if (!list || this.stopped) return;
    const watch = before ?? this.watchFor(list);
    for (const attempt of list.running) {
      const { sentAt, dueAt, key } = attempt;
      if (sentAt > upTo || watch.timers.has(key)) continue;
      const expiry = (heard: boolean): Expiry => {
        const { step, direction, run, attempt: nth } = attempt;
        return { sagaId, digest: workflow.digest, step, direction, run, attempt: nth, sentAt, heard };
      };
      const onEnd = (heard: boolean): void => {
        onExpired(expiry(heard));
      };
      // What is watched already was told of before, and may have shown signs of life since.
      this.set(watch, key, dueAt - sentAt, onEnd, attempt);
      const within = pickUpTimeout(saga, attempt.step);
      if (within === undefined || within >= dueAt - sentAt) continue;
      const onPickUp = (): void => {
        onPickUpDue(expiry(false));
      };
      this.set(watch, key + PICK_UP, within, onPickUp, attempt);
    }
  }

  /** The attempt's handler is at work: its time counts anew, but ends with `most` milliseconds from now. */
  alive(sagaId: string, attempt: AttemptName, most: number, saga: Saga | undefined): void {
    const key = keyOf(attempt);
    const watch = this.watches.get(sagaId);
    if (!watch) return;
    drop(watch, key + PICK_UP);
    const timer = watch.timers.get(key);
    if (!timer) return;
    drop(watch, key);
    this.set(watch, key, Math.min(timer.ms, most), timer.run, timer.attempt, true);
    if (saga) this.putOff(watch, saga, timer.ms / 3);
  }

  /** Drops every timer and plans no more. */
  stop(): void {
    this.stopped = true;
    for (const sagaId of [...this.watches.keys()]) this.forget(sagaId);
  }

  /** For the other orchestrators, and for people: what is at work is not overdue. */
  private putOff(watch: Watch, saga: Saga, least: number): void {
    const { sagaId, version, deadline = Infinity } = saga;
    const list = watchListOf(saga);
    const attempts = (list?.running ?? []).map(({ key, dueAt }) => watch.timers.get(key)?.at ?? dueAt);
    const movesAt = Math.min(...attempts, ...(list?.planned ?? []).map(({ at }) => at));
    if (movesAt - (watch.due ?? Infinity) < least) return;
    watch.due = Math.min(movesAt, deadline);
    this.options.onPutOff({ sagaId, version, dueAt: movesAt });
  }

  private watchFor(list: WatchList): Watch {
    const { sagaId } = list.saga;
    const watch = this.watches.get(sagaId) ?? { list, due: list.due, timers: new Map<string, Timer>() };
    watch.list = list;
    watch.due = list.due;
    this.watches.set(sagaId, watch);
    return watch;
  }

  /** Does nothing when there is one already. */
  private set(
    watch: Watch,
    key: string,
    ms: number,
    run: Timer['run'],
    attempt?: Timer['attempt'],
    heard = false,
  ): void {
    const { timers } = watch;
    if (timers.has(key)) return;
    const cancel = this.options.clock.after(Math.max(0, ms), () => {
      timers.delete(key);
      if (timers.size === 0) this.forget(watch.list.saga.sagaId);
      // Should nothing come of it, the sweep looks again, whatever other timers the saga has.
      watch.due = undefined;
      run(heard);
    });
    timers.set(key, { cancel, ms, at: this.now() + ms, run, attempt });
  }

  private now(): number {
    return this.options.storeClock.now();
  }

  private forget(sagaId: string): void {
    const watch = this.watches.get(sagaId);
    if (!watch) return;
    for (const { cancel } of watch.timers.values()) cancel();
    this.watches.delete(sagaId);
  }
}

const PICK_UP = '/pick-up';
const DEADLINE = 'deadline at ';

function drop(watch: Watch, key: string): void {
  watch.timers.get(key)?.cancel();
  watch.timers.delete(key);
}
