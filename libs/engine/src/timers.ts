import { appended, dueAt } from '@counterstep/core';
import type { AttemptName, Saga } from '@counterstep/core';
import type { Clock, StoreClock } from './clock.js';
import type { PutOff } from './store.js';
import { isNamed, nameOf, plannedOf, runningNow, runningOf } from './watch-list.js';
import type { RunningAttempt } from './watch-list.js';

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
  /** `END` or `PICK_UP` of an attempt, or what is planned. */
  readonly what: string;
  readonly running: RunningAttempt | undefined;
  /** Milliseconds that it was set for. */
  readonly ms: number;
  /** By the local clock. */
  readonly endsAt: number;
  /** Of what is planned, by the store's clock. */
  readonly at: number | undefined;
  readonly heard: boolean;
}

/** A saga and its timers, of which only the first has an alarm: most are dropped long before their time. */
interface Watch {
  readonly sagaId: string;
  readonly digest: string;
  /** When it is due, signs of life counted; undefined once a timer has run. */
  due: number | undefined;
  timers: Timer[];
  /** By the local clock; may be sooner than the first timer, then it is set anew. */
  alarmAt: number;
  cancelAlarm: () => void;
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
    return watch !== undefined && watch.timers.length > 0 && watch.due === due;
  }

  /** The saga has moved: drops what is over, plans what is due. */
  moved(saga: Saga): void {
    const due = this.stopped ? undefined : dueAt(saga);
    // Also while it is paused or held: then nothing is due.
    if (due === undefined) {
      this.forget(saga.sagaId);
      return;
    }
    const watch = this.watchFor(saga, due);
    const planned = plannedOf(saga);
    const { deadline } = saga;
    if (deadline !== undefined) planned.push({ what: `deadline at ${deadline}`, at: deadline });
    const before = watch.timers;
    watch.timers = [];
    for (const timer of before) {
      const { what, running } = timer;
      const now = running && runningNow(saga, running);
      if (running ? now?.dueAt === running.attempts.dueAt : planned.some((each) => each.what === what))
        watch.timers = appended(watch.timers, timer);
      // A sign of life has put it off.
      else if (now && what === END)
        this.set(watch, END, now.dueAt - this.now(), { ...running, attempts: now }, true);
    }
    for (const { what, at } of planned)
      if (!watch.timers.some((timer) => timer.what === what)) this.plan(watch, what, at);
    this.wakeInTime(watch);
  }

  /** The commands decided up to `upTo` are with the broker: their attempts' time begins. */
  confirmed(saga: Saga, upTo: number): void {
    const due = this.stopped ? undefined : dueAt(saga);
    if (due === undefined) return;
    const watch = this.watches.get(saga.sagaId) ?? this.watchFor(saga, due);
    for (const running of runningOf(saga)) {
      const { sentAt, dueAt: at } = running.attempts;
      // What is watched already was told of before, and may have shown signs of life since.
      if (sentAt > upTo || timerOf(watch, END, nameOf(running))) continue;
      this.set(watch, END, at - sentAt, running);
      const within = this.options.pickUpTimeout(saga, running.step) ?? Infinity;
      if (within < at - sentAt) this.set(watch, PICK_UP, within, running);
    }
    this.wakeInTime(watch);
  }

  /** The attempt's handler is at work: its time counts anew, but ends with `most` milliseconds from now. */
  alive(sagaId: string, attempt: AttemptName, most: number, saga: Saga | undefined): void {
    const watch = this.watches.get(sagaId);
    if (!watch) return;
    const pickUp = timerOf(watch, PICK_UP, attempt);
    const timer = timerOf(watch, END, attempt);
    watch.timers = watch.timers.filter((each) => each !== pickUp && each !== timer);
    if (!timer) return;
    this.set(watch, END, Math.min(timer.ms, most), timer.running, true);
    this.wakeInTime(watch);
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
    const attempts = runningOf(saga).map((running) => {
      const timer = timerOf(watch, END, nameOf(running));
      return timer
        ? this.now() + Math.round(timer.endsAt - this.options.clock.now())
        : running.attempts.dueAt;
    });
    const movesAt = Math.min(...attempts, ...plannedOf(saga).map(({ at }) => at));
    if (movesAt - (watch.due ?? Infinity) < least) return;
    watch.due = Math.min(movesAt, deadline);
    this.options.onPutOff({ sagaId, version, dueAt: movesAt });
  }

  private watchFor({ sagaId, workflow: { digest } }: Saga, due: number): Watch {
    let watch = this.watches.get(sagaId);
    if (!watch) {
      watch = { sagaId, digest, due, timers: [], alarmAt: Infinity, cancelAlarm: () => undefined };
      this.watches.set(sagaId, watch);
    }
    watch.due = due;
    return watch;
  }

  private set(watch: Watch, what: string, ms: number, running?: RunningAttempt, heard = false): void {
    const endsAt = this.options.clock.now() + ms;
    watch.timers = appended(watch.timers, { what, running, ms, endsAt, at: undefined, heard });
  }

  private plan(watch: Watch, what: string, at: number): void {
    const ms = at - this.now();
    const endsAt = this.options.clock.now() + ms;
    watch.timers = appended(watch.timers, { what, running: undefined, ms, endsAt, at, heard: false });
  }

  private wakeInTime(watch: Watch): void {
    const { clock } = this.options;
    let first = Infinity;
    for (const { endsAt } of watch.timers) first = Math.min(first, endsAt);
    if (first >= watch.alarmAt) return;
    watch.cancelAlarm();
    watch.alarmAt = first;
    watch.cancelAlarm = clock.after(Math.max(0, first - clock.now()), () => {
      this.wake(watch);
    });
  }

  private wake(watch: Watch): void {
    const now = this.options.clock.now();
    const over: Timer[] = [];
    const left: Timer[] = [];
    for (const timer of watch.timers) {
      const early = timer.at === undefined ? 0 : timer.at - this.now();
      if (timer.endsAt >= now + EARLY) left.push(timer);
      // The store's clock was believed to be ahead of what it is. Decided now, nothing would be due.
      else if (early > 0) left.push({ ...timer, endsAt: now + early });
      else over.push(timer);
    }
    watch.alarmAt = Infinity;
    watch.timers = left;
    if (watch.timers.length === 0) this.forget(watch.sagaId);
    else this.wakeInTime(watch);
    // Should nothing come of it, the sweep looks again, whatever other timers the saga has.
    if (over.length > 0) watch.due = undefined;
    for (const timer of over.sort((a, b) => a.endsAt - b.endsAt)) this.run(watch, timer);
  }

  private run({ sagaId, digest }: Watch, { what, running, heard }: Timer): void {
    const { onDue, onExpired, onPickUpDue } = this.options;
    if (!running) {
      onDue(sagaId);
      return;
    }
    const { sentAt } = running.attempts;
    const expiry: Expiry = { sagaId, digest, ...nameOf(running), sentAt, heard };
    if (what === END) onExpired(expiry);
    else onPickUpDue(expiry);
  }

  private now(): number {
    return this.options.storeClock.now();
  }

  private forget(sagaId: string): void {
    this.watches.get(sagaId)?.cancelAlarm();
    this.watches.delete(sagaId);
  }
}

const END = 'end';
const PICK_UP = 'pick-up';
/** Milliseconds by which a timer of Node may come early. */
const EARLY = 1;

function timerOf({ timers }: Watch, what: string, name: AttemptName): Timer | undefined {
  return timers.find((timer) => timer.what === what && timer.running && isNamed(timer.running, name));
}
