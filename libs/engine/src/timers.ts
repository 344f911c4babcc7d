import { dueAt, isFinished, openAttempts } from '@counterstep/core';
import type { Saga } from '@counterstep/core';
import type { Direction } from '@counterstep/protocol';
import type { Clock, StoreClock } from './clock.js';

export interface Expiry {
  readonly sagaId: string;
  readonly step: string;
  readonly direction: Direction;
  readonly run: number;
  readonly attempt: number;
}

/**
 * The timers of the sagas that this process moved last, in memory. What is lost with the process, the sweep finds by the
 * due time on the saga's row. An attempt's time counts from the broker's confirmation, not from the decision.
 */
export class Timers {
  private readonly bySaga = new Map<string, Map<string, () => void>>();
  /** The due time of the saga as it was when its timers were set. */
  private readonly dueTimes = new Map<string, number | undefined>();
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly storeClock: StoreClock,
    /** A retry or a start is due. */
    private readonly onDue: (sagaId: string) => void,
    /** An attempt has had its time. */
    private readonly onExpired: (expiry: Expiry) => void,
  ) {}

  /** Whether this process watches the saga as it is: one that is due at another time has moved elsewhere meanwhile. */
  watches(sagaId: string, due: number): boolean {
    return this.bySaga.has(sagaId) && this.dueTimes.get(sagaId) === due;
  }

  /** The saga has moved: drops what is over, plans what is due. */
  moved(saga: Saga): void {
    if (isFinished(saga)) {
      this.forget(saga.sagaId);
      return;
    }
    this.dueTimes.set(saga.sagaId, dueAt(saga));
    const open = openAttempts(saga);
    const timers = this.bySaga.get(saga.sagaId);
    if (timers) {
      const keys = new Set(open.map(({ step, direction, attempts }) => keyOf(step, direction, attempts)));
      for (const [key, cancel] of timers) {
        if (keys.has(key) || (key === START && saga.state === 'pending')) continue;
        cancel();
        timers.delete(key);
      }
      if (timers.size === 0) this.bySaga.delete(saga.sagaId);
    }
    const now = this.storeClock.now();
    for (const { step, direction, attempts } of open)
      if (attempts.status === 'waiting' && attempts.dueAt !== undefined)
        this.set(saga.sagaId, keyOf(step, direction, attempts), attempts.dueAt - now, () => {
          this.onDue(saga.sagaId);
        });
    if (saga.state === 'pending' && saga.startAt !== undefined)
      this.set(saga.sagaId, START, saga.startAt - now, () => {
        this.onDue(saga.sagaId);
      });
  }

  /** The commands decided up to `upTo` are with the broker: their attempts' time begins. */
  confirmed(saga: Saga, upTo: number): void {
    if (isFinished(saga)) return;
    for (const { step, direction, attempts } of openAttempts(saga)) {
      if (attempts.status !== 'running' || attempts.sentAt > upTo || attempts.dueAt === undefined) continue;
      const { run, attempt, dueAt, sentAt } = attempts;
      this.set(saga.sagaId, keyOf(step, direction, attempts), dueAt - sentAt, () => {
        this.onExpired({ sagaId: saga.sagaId, step, direction, run, attempt });
      });
    }
  }

  /** Drops every timer and plans no more. */
  stop(): void {
    this.stopped = true;
    for (const sagaId of [...this.bySaga.keys()]) this.forget(sagaId);
  }

  private set(sagaId: string, key: string, ms: number, run: () => void): void {
    const timers = this.bySaga.get(sagaId) ?? new Map<string, () => void>();
    if (this.stopped || timers.has(key)) return;
    this.bySaga.set(sagaId, timers);
    const cancel = this.clock.after(Math.max(0, ms), () => {
      timers.delete(key);
      if (timers.size === 0) this.forget(sagaId);
      // Should nothing come of it, the sweep looks again, whatever other timers the saga has.
      this.dueTimes.delete(sagaId);
      run();
    });
    timers.set(key, cancel);
  }

  private forget(sagaId: string): void {
    for (const cancel of this.bySaga.get(sagaId)?.values() ?? []) cancel();
    this.bySaga.delete(sagaId);
    this.dueTimes.delete(sagaId);
  }
}

const START = 'start';

function keyOf(
  step: string,
  direction: Direction,
  attempts: { run: number; attempt: number; status: string },
): string {
  return `${step}/${direction}/${attempts.run}/${attempts.attempt}/${attempts.status}`;
}
