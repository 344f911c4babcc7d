import { dueAt, isFinished, openAttempts, openWaits } from '@counterstep/core';
import type { AttemptName, Saga } from '@counterstep/core';
import type { Clock, StoreClock } from './clock.js';
import type { PutOff } from './store.js';

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
  /** Of an attempt: its due time when it was set. */
  readonly dueAt?: number;
  readonly run: (heard: boolean) => void;
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
  private readonly bySaga = new Map<string, Map<string, Timer>>();
  /** The due time of the saga as it was when its timers were set. */
  private readonly dueTimes = new Map<string, number | undefined>();
  private stopped = false;

  constructor(private readonly options: TimersOptions) {}

  /** Whether this process watches the saga as it is: one that is due at another time has moved elsewhere meanwhile. */
  watches(sagaId: string, due: number): boolean {
    return this.bySaga.has(sagaId) && this.dueTimes.get(sagaId) === due;
  }

  /** The saga has moved: drops what is over, plans what is due. */
  moved(saga: Saga): void {
    const { sagaId } = saga;
    const due = dueAt(saga);
    // Also while it is paused or held: then nothing is due.
    if (isFinished(saga) || due === undefined) {
      this.forget(sagaId);
      return;
    }
    this.dueTimes.set(sagaId, due);
    const now = this.options.storeClock.now();
    const planned = plannedTimes(saga);
    if (saga.deadline !== undefined) planned.set(`deadline at ${saga.deadline}`, saga.deadline);
    const attempts = runningAttempts(saga);
    for (const [key, timer] of this.bySaga.get(sagaId) ?? []) {
      const attempt = attempts.get(key);
      if (planned.has(key) || (attempt && attempt.dueAt === timer.dueAt)) continue;
      this.drop(sagaId, key);
      // A sign of life has put it off.
      if (attempt && !key.endsWith(PICK_UP))
        this.set(sagaId, key, attempt.dueAt - now, timer.run, attempt.dueAt, true);
    }
    for (const [key, time] of planned)
      this.set(sagaId, key, time - now, () => {
        this.options.onDue(sagaId);
      });
  }

  /** The commands decided up to `upTo` are with the broker: their attempts' time begins. */
  confirmed(saga: Saga, upTo: number): void {
    if (isFinished(saga) || dueAt(saga) === undefined) return;
    const { onExpired, onPickUpDue, pickUpTimeout } = this.options;
    const { sagaId } = saga;
    const { digest } = saga.workflow;
    for (const [key, { step, direction, run, attempt, sentAt, dueAt: due }] of runningAttempts(saga)) {
      if (sentAt > upTo || key.endsWith(PICK_UP)) continue;
      const expiry = { sagaId, digest, step, direction, run, attempt, sentAt, heard: false };
      const onEnd = (heard: boolean): void => onExpired({ ...expiry, heard });
      // What is watched already was told of before, and may have shown signs of life since.
      if (!this.set(sagaId, key, due - sentAt, onEnd, due)) continue;
      const within = pickUpTimeout(saga, step);
      if (within !== undefined && within < due - sentAt)
        this.set(sagaId, key + PICK_UP, within, () => onPickUpDue(expiry), due);
    }
  }

  /** The attempt's handler is at work: its time counts anew, but ends with `most` milliseconds from now. */
  alive(sagaId: string, attempt: AttemptName, most: number, saga: Saga | undefined): void {
    const key = keyOf(attempt);
    this.drop(sagaId, key + PICK_UP);
    const timer = this.bySaga.get(sagaId)?.get(key);
    if (!timer) return;
    this.drop(sagaId, key);
    this.set(sagaId, key, Math.min(timer.ms, most), timer.run, timer.dueAt, true);
    if (saga) this.putOff(saga, timer.ms / 3);
  }

  /** For the other orchestrators, and for people: what is at work is not overdue. */
  private putOff(saga: Saga, least: number): void {
    const { sagaId, version } = saga;
    const timers = this.bySaga.get(sagaId);
    const attempts = [...runningAttempts(saga)]
      .filter(([key]) => !key.endsWith(PICK_UP))
      .map(([key, { dueAt: due }]) => timers?.get(key)?.at ?? due);
    const movesAt = Math.min(...attempts, ...plannedTimes(saga).values());
    const before = this.dueTimes.get(sagaId) ?? Infinity;
    if (movesAt - before < least) return;
    this.dueTimes.set(sagaId, Math.min(movesAt, saga.deadline ?? Infinity));
    this.options.onPutOff({ sagaId, version, dueAt: movesAt });
  }

  /** Drops every timer and plans no more. */
  stop(): void {
    this.stopped = true;
    for (const sagaId of [...this.bySaga.keys()]) this.forget(sagaId);
  }

  /** False when there is one already. */
  private set(
    sagaId: string,
    key: string,
    ms: number,
    run: Timer['run'],
    due?: number,
    heard = false,
  ): boolean {
    const timers = this.bySaga.get(sagaId) ?? new Map<string, Timer>();
    if (this.stopped || timers.has(key)) return false;
    this.bySaga.set(sagaId, timers);
    const cancel = this.options.clock.after(Math.max(0, ms), () => {
      timers.delete(key);
      if (timers.size === 0) this.forget(sagaId);
      // Should nothing come of it, the sweep looks again, whatever other timers the saga has.
      this.dueTimes.delete(sagaId);
      run(heard);
    });
    const at = this.options.storeClock.now() + ms;
    timers.set(key, { cancel, ms, at, run, ...(due !== undefined && { dueAt: due }) });
    return true;
  }

  private drop(sagaId: string, key: string): void {
    const timers = this.bySaga.get(sagaId);
    timers?.get(key)?.cancel();
    timers?.delete(key);
    if (timers?.size === 0) this.bySaga.delete(sagaId);
  }

  private forget(sagaId: string): void {
    for (const { cancel } of this.bySaga.get(sagaId)?.values() ?? []) cancel();
    this.bySaga.delete(sagaId);
    this.dueTimes.delete(sagaId);
  }
}

const PICK_UP = '/pick-up';

function keyOf({ step, direction, run, attempt }: AttemptName): string {
  return `${direction}/${run}/${attempt}/${step}`;
}

/** What is due at a time that is known, by a key that changes with what it stands for. */
function plannedTimes(saga: Saga): Map<string, number> {
  const planned = new Map<string, number>();
  const plan = (what: string, time: number | undefined): void => {
    if (time !== undefined) planned.set(`${what} at ${time}`, time);
  };
  for (const { step, direction, attempts } of openAttempts(saga))
    if (attempts.status === 'waiting') plan(`retry of ${step} ${direction}`, attempts.dueAt);
  for (const { path, until } of openWaits(saga)) plan(`wait of ${path}`, until);
  for (const { step, dueAt: time } of saga.stalls ?? []) plan(`stall of ${step}`, time);
  if (saga.state === 'pending') plan('start', saga.startAt);
  return planned;
}

function runningAttempts(saga: Saga): Map<string, AttemptName & { sentAt: number; dueAt: number }> {
  const running = new Map<string, AttemptName & { sentAt: number; dueAt: number }>();
  for (const { step, direction, attempts } of openAttempts(saga)) {
    const { run, attempt, sentAt, dueAt: due, status } = attempts;
    if (status !== 'running' || due === undefined) continue;
    const each = { step, direction, run, attempt, sentAt, dueAt: due };
    running.set(keyOf(each), each);
    running.set(keyOf(each) + PICK_UP, each);
  }
  return running;
}
