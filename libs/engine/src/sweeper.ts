import type { Bus, OutgoingMessage, RefusedMessage, Subscription } from '@counterstep/bus';
import { effectsOf, evolve, openAttempts } from '@counterstep/core';
import type { Saga, SagaEvent } from '@counterstep/core';
import type { AbsentDefinitions } from './absent-definitions.js';
import { within } from './clock.js';
import type { Clock, StoreClock } from './clock.js';
import type { Input, InputResult } from './input.js';
import type { Logger } from './logger.js';
import type { Messages } from './messages.js';
import type { Registry } from './registry.js';
import type { DeadLane, NumberedRecord, Store, StoredSaga } from './store.js';
import type { Expiry, Timers } from './timers.js';
import type { UnreadableSagas } from './unreadable.js';

export interface SweeperOptions {
  readonly store: Store;
  readonly bus: Pick<Bus, 'publish'>;
  readonly registry: Registry;
  readonly messages: Messages;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly logger: Logger;
  readonly unreadable: UnreadableSagas;
  readonly absent: Pick<AbsentDefinitions, 'look'>;
  /** Whether it is sure that no worker has taken the attempt's command. */
  readonly liesInQueue: (expiry: Expiry) => Promise<boolean>;
  readonly repliesTopic: string;
  readonly replies: () => Subscription | undefined;
  readonly push: (input: Input) => void;
  /** The broker will not take this message, ever. */
  readonly onRefused: (refused: RefusedMessage) => void;
  /** Milliseconds between two sweeps. */
  readonly interval: number;
}

/** How long a due saga is left to the process that moved it last. */
const GRACE = 1_000;
const SWEEP_LIMIT = 1_000;
const MOST_DUE = 100_000;

/**
 * Finds what a process that died has left: its lanes' messages, its timers, inputs that were parked for a definition
 * which is here, and sagas whose definition is nowhere. Every orchestrator sweeps; the version check makes it harmless that several do.
 */
export class Sweeper {
  private stopped = false;
  /** Dead lanes that cannot be finished here, and up to which number this process has sent again what it could. */
  private readonly sentAgain = new Map<number, number>();
  /** Attempts of absent definitions whose end was parked already, so that it is parked once. */
  private readonly parked = new Set<string>();
  private cancel: (() => void) | undefined;
  private sweeping: Promise<void> | undefined;
  private takingOver: Promise<void> | undefined;

  constructor(private readonly options: SweeperOptions) {}

  start(): void {
    this.sweepNow();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel?.();
    // A take-over may wait for a broker that is away; what it was sending, the next process will send.
    await within(this.options.clock, 2_000, Promise.all([this.sweeping, this.takingOver]));
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
    if (!(await this.isUnanswered(expiry))) return;
    this.judge(expiry, !expiry.heard && (await this.options.liesInQueue(expiry)));
  }

  /** An attempt should have been picked up by now: one that lies in its queue is not waited for any longer. */
  async expirePickUp(expiry: Expiry): Promise<void> {
    if ((await this.isUnanswered(expiry)) && (await this.options.liesInQueue(expiry)))
      this.judge(expiry, true);
  }

  private async isUnanswered({ sagaId }: Expiry): Promise<boolean> {
    const { repliesTopic, replies } = this.options;
    try {
      return (await replies()?.caughtUp(repliesTopic, sagaId)) ?? false;
    } catch {
      return false;
    }
  }

  private judge(
    { sagaId, sentAt: _, digest: __, heard: ___, ...attempt }: Expiry,
    notPickedUp: boolean,
  ): void {
    const { push } = this.options;
    const verdict = `${sagaId}/${attempt.step}/${attempt.direction}/${attempt.run}/${attempt.attempt}`;
    if (this.parked.has(verdict)) return;
    const event = { type: 'deadline', ...attempt, ...(notPickedUp && { notPickedUp }) } as const;
    const settle = ({ kind }: InputResult): void => {
      if (kind !== 'parked') return;
      if (this.parked.size >= MOST_DUE) this.parked.clear();
      this.parked.add(verdict);
    };
    push({ sagaId, event, origin: 'internal', settle });
  }

  private async sweep(): Promise<void> {
    const { store, storeClock, logger, absent } = this.options;
    try {
      const askedAt = storeClock.asking();
      storeClock.learn(await store.now(), askedAt);
      // Not waited for: it needs the broker, and the rest of the sweep does not.
      this.takingOver ??= this.takeOver()
        .catch((error: unknown) => {
          logger.warn('a lane could not be taken over; trying again', { error: textOf(error) });
        })
        .finally(() => {
          this.takingOver = undefined;
        });
      await this.findDue();
      await this.takeParked();
      await absent.look();
    } catch (error) {
      logger.warn('the sweep failed and will be repeated', { error: textOf(error) });
    }
  }

  private async takeOver(): Promise<void> {
    const { store, logger } = this.options;
    for (let dead = await store.takeDeadLane(); dead; dead = await store.takeDeadLane()) {
      const { id, sagas } = dead;
      try {
        const isComplete = await this.sendAgain(dead);
        logger.info('took over a lane', { lane: id, sagas: sagas.length, isComplete });
        if (!isComplete) {
          await dead.release();
          return;
        }
        await dead.done();
      } catch (error) {
        await dead.release();
        throw error;
      }
      this.sentAgain.delete(id);
    }
  }

  /** Publishes what a dead lane had committed above its confirmed number; false when a definition is absent here. */
  private async sendAgain(dead: DeadLane): Promise<boolean> {
    const { bus, onRefused, unreadable } = this.options;
    const from = Math.max(dead.confirmed, this.sentAgain.get(dead.id) ?? 0);
    const outgoing: OutgoingMessage[] = [];
    let isComplete = true;
    let last = from;
    for (const stored of dead.sagas) {
      for (const { lane, number } of stored.records) if (lane === dead.id) last = Math.max(last, number);
      const messages = unreadable.reading(stored.sagaId, () => this.messagesOf(dead, stored, from));
      if (messages) outgoing.push(...messages);
      else isComplete = false;
    }
    if (outgoing.length > 0) for (const refused of await bus.publish(outgoing)) onRefused(refused);
    this.sentAgain.set(dead.id, last);
    return isComplete;
  }

  /** What the saga's records of the dead lane ask for; those up to `from` were sent again before. */
  private messagesOf(
    dead: DeadLane,
    { sagaId, records }: StoredSaga,
    from: number,
  ): OutgoingMessage[] | undefined {
    const { registry, messages } = this.options;
    const outgoing: OutgoingMessage[] = [];
    let saga: Saga | undefined;
    for (const record of records) {
      saga = evolve(saga, sagaId, record);
      if (record.lane !== dead.id || record.number <= dead.confirmed) continue;
      const workflow = registry.pinned(saga.workflow.digest);
      if (!workflow) return undefined;
      if (record.number > from)
        outgoing.push(...messages.of(workflow, saga, record, effectsOf(workflow, saga, record)));
    }
    return outgoing;
  }

  private async findDue(): Promise<void> {
    const { store, timers, unreadable } = this.options;
    const due = await this.unwatched();
    if (due.length === 0) return;
    for (const stored of await store.load(due)) {
      const saga = unreadable.fold(stored);
      if (!saga) continue;
      timers.moved(saga);
      if (openAttempts(saga).some(({ attempts }) => attempts.status === 'running'))
        await this.watch(saga, stored.records);
    }
  }

  /**
   * Due sagas that no timer here watches. Those of an absent definition count only where a verdict on them can be made;
   * many of them must not stand before all others.
   */
  private async unwatched(): Promise<string[]> {
    const { store, storeClock, registry, timers, unreadable, repliesTopic, replies } = this.options;
    for (let limit = SWEEP_LIMIT; ; limit *= 10) {
      const due = await store.dueSagas(storeClock.now() - GRACE, limit);
      const mine = due
        .filter(({ sagaId, dueAt }) => !timers.isWatched(sagaId, dueAt) && !unreadable.has(sagaId))
        .filter(({ sagaId, digest }) => registry.pinned(digest) ?? replies()?.holds(repliesTopic, sagaId))
        .map(({ sagaId }) => sagaId);
      if (mine.length > 0 || due.length < limit || limit >= MOST_DUE) return mine.slice(0, SWEEP_LIMIT);
    }
  }

  /** Commands of another process: their time counts anew from when their lane is seen to be confirmed. */
  private async watch(saga: Saga, records: readonly NumberedRecord[]): Promise<void> {
    const { store, timers, repliesTopic, replies } = this.options;
    if (!replies()?.holds(repliesTopic, saga.sagaId)) return;
    const lanes = [...new Set(records.map((record) => record.lane))];
    const confirmed = await store.confirmedNumbers(lanes);
    // What this process sent again of a dead lane is only what it has definitions for.
    const hasDefinition = this.options.registry.pinned(saga.workflow.digest) !== undefined;
    const isOut = ({ lane, number }: NumberedRecord): boolean =>
      number <= (confirmed.get(lane) ?? Infinity) ||
      (hasDefinition && number <= (this.sentAgain.get(lane) ?? 0));
    const firstOpen = records.find((record) => !isOut(record));
    timers.confirmed(saga, firstOpen ? firstOpen.at - 1 : Infinity);
  }

  private async takeParked(): Promise<void> {
    const { store, registry, push, unreadable } = this.options;
    // One whose definition could not even be read stands under none.
    const digests = [...registry.digests(), ''];
    for (const parked of await store.parkedInputs(digests, 100, { except: unreadable.ids })) {
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

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
