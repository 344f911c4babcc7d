import type { Bus, Subscription } from '@counterstep/bus';
import { effectsOf, evolve, fold, openAttempts } from '@counterstep/core';
import type { Saga, SagaEvent } from '@counterstep/core';
import { within } from './clock.js';
import type { Clock, StoreClock } from './clock.js';
import type { Input } from './input.js';
import type { Logger } from './logger.js';
import type { Messages } from './messages.js';
import type { Registry } from './registry.js';
import type { DeadLane, NumberedRecord, Store } from './store.js';
import type { Expiry, Timers } from './timers.js';

export interface SweeperOptions {
  readonly store: Store;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly messages: Messages;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly logger: Logger;
  readonly repliesTopic: string;
  readonly replies: () => Subscription | undefined;
  readonly push: (input: Input) => void;
  /** Milliseconds between two sweeps. */
  readonly interval: number;
}

/** How long a due saga is left to the process that moved it last. */
const GRACE = 1_000;
const SWEEP_LIMIT = 1_000;

/**
 * Finds what a process that died has left: its lanes' messages, its timers, and inputs that were parked for a definition
 * which is here. Every orchestrator sweeps; the version check makes it harmless that several do.
 */
export class Sweeper {
  private stopped = false;
  private cancel: (() => void) | undefined;
  private sweeping: Promise<void> | undefined;

  constructor(private readonly options: SweeperOptions) {}

  start(): void {
    this.sweepNow();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel?.();
    // A sweep may wait for a broker that is away; what it was sending, the next process will send.
    if (this.sweeping) await within(this.options.clock, 2_000, this.sweeping);
  }

  /** Sweeps without waiting for the interval; one sweep at a time. */
  sweepNow(): void {
    if (this.stopped || this.sweeping) return;
    this.cancel?.();
    this.sweeping = this.sweep().finally(() => {
      this.sweeping = undefined;
      if (this.stopped) return;
      this.cancel = this.options.clock.after(this.options.interval, () => {
        this.sweepNow();
      });
    });
  }

  /**
   * An attempt has had its time. It counts as unanswered only if its reply is not on its way: this process must hold the
   * replies' partition, and have read it up to where it ends now. Otherwise whoever holds it will see to it.
   */
  async expire(expiry: Expiry): Promise<void> {
    const { repliesTopic, replies, push } = this.options;
    const { sagaId, ...attempt } = expiry;
    try {
      if (!(await replies()?.caughtUp(repliesTopic, sagaId))) return;
    } catch {
      return;
    }
    push(internal(sagaId, { type: 'deadline', ...attempt }));
  }

  private async sweep(): Promise<void> {
    try {
      await this.takeOver();
      await this.findDue();
      await this.takeParked();
    } catch (error) {
      this.options.logger.warn('the sweep failed and will be repeated', { error: textOf(error) });
    }
  }

  private async takeOver(): Promise<void> {
    const { store, logger } = this.options;
    for (let dead = await store.takeDeadLane(); dead; dead = await store.takeDeadLane()) {
      const isComplete = await this.sendAgain(dead);
      logger.info('took over a lane', {
        lane: dead.id,
        confirmed: dead.confirmed,
        sagas: dead.sagas.length,
        isComplete,
      });
      if (!isComplete) {
        await dead.release();
        return;
      }
      await dead.done();
    }
  }

  /** Publishes what a dead lane had committed above its confirmed number; false when a definition is absent here. */
  private async sendAgain(dead: DeadLane): Promise<boolean> {
    const { registry, messages, bus } = this.options;
    const outgoing = [];
    let isComplete = true;
    for (const { sagaId, records } of dead.sagas) {
      let saga: Saga | undefined;
      for (const record of records) {
        saga = evolve(saga, sagaId, record);
        if (record.lane !== dead.id || record.number <= dead.confirmed) continue;
        const workflow = registry.pinned(saga.workflow.digest);
        if (workflow)
          outgoing.push(...messages.of(workflow, saga, record, effectsOf(workflow, saga, record)));
        else isComplete = false;
      }
    }
    if (outgoing.length > 0) await bus.publish(outgoing);
    return isComplete;
  }

  private async findDue(): Promise<void> {
    const { store, storeClock, registry, timers, push } = this.options;
    const due = await store.dueSagas(storeClock.now() - GRACE, SWEEP_LIMIT);
    const mine = due.filter(({ sagaId, digest }) => registry.pinned(digest) && !timers.watches(sagaId));
    if (mine.length === 0) return;
    for (const { sagaId, records } of await store.load(mine.map(({ sagaId }) => sagaId))) {
      const saga = fold(sagaId, records);
      if (!saga) continue;
      const attempts = openAttempts(saga);
      if (saga.state === 'pending' || attempts.some((open) => open.attempts.status === 'waiting'))
        push(internal(sagaId, { type: 'timer' }));
      if (attempts.some((open) => open.attempts.status === 'running')) await this.watch(saga, records);
    }
  }

  /** Commands of another process: their time counts anew from when their lane is seen to be confirmed. */
  private async watch(saga: Saga, records: readonly NumberedRecord[]): Promise<void> {
    const { store, timers, repliesTopic, replies } = this.options;
    if (!replies()?.holds(repliesTopic, saga.sagaId)) return;
    const lanes = [...new Set(records.map((record) => record.lane))];
    const confirmed = await store.confirmedNumbers(lanes);
    const firstOpen = records.find((record) => record.number > (confirmed.get(record.lane) ?? Infinity));
    timers.confirmed(saga, firstOpen ? firstOpen.at - 1 : Infinity);
  }

  private async takeParked(): Promise<void> {
    const { store, registry, push } = this.options;
    for (const parked of await store.parkedInputs(registry.digests(), 100)) {
      if (parked.code !== 'UNKNOWN_DEFINITION') continue;
      push({
        sagaId: parked.sagaId,
        event: JSON.parse(parked.input) as SagaEvent,
        origin: 'message',
        parkedId: parked.id,
        settle: () => undefined,
      });
    }
  }
}

function internal(sagaId: string, event: SagaEvent): Input {
  return { sagaId, event, origin: 'internal', settle: () => undefined };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
