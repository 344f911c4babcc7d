import { StateStoreError, isFinished } from '@counterstep/core';
import type { Saga } from '@counterstep/core';
import type { Entry } from './batch.js';
import { within } from './clock.js';
import { codeOf, quarantineOf, writeWithoutCulprits } from './culprit.js';
import { InputQueue } from './input-queue.js';
import type { Input } from './input.js';
import { batchOf, keysOf, outcomeOf, unparkedBy } from './lane-batch.js';
import { LaneHold } from './lane-hold.js';
import type { LaneOptions } from './lane-options.js';
import type { Outbox } from './outbox.js';
import { SagaCache } from './saga-cache.js';

/** Milliseconds that a closing lane waits for the broker; what is not confirmed then, another orchestrator publishes. */
const PATIENCE = 5_000;

/**
 * The life of a batch. Inputs pile up while a commit is in flight; the next batch takes all of them: load what memory
 * lacks, decide each in order, commit everything in one transaction, publish, answer. The commit is the clock, so a batch
 * is one input when idle and grows by itself under load.
 */
export class LaneLoop {
  private readonly queue = new InputQueue();
  private readonly cache: SagaCache;
  private readonly hold: LaneHold;
  private outbox: Outbox;
  /** The number of the last record that was committed. */
  private number = 0;
  /** The confirmed number that the lane's row holds. */
  private written = 0;
  /** Parked inputs that are applied and still stand in their table. */
  private applied: number[] = [];
  private running: Promise<void> | undefined;
  private stopping = false;

  constructor(private readonly options: LaneOptions) {
    this.outbox = options.newOutbox();
    this.hold = new LaneHold(options);
    this.cache = new SagaCache(options.store, options.maxCached, options.unreadable);
  }

  /** Inputs that wait, and committed records whose messages the broker has not confirmed: they are kept in memory. */
  get backlog(): number {
    return this.queue.length + this.number - this.outbox.confirmed;
  }

  /** Whether the last visit to the store went well. */
  get isHealthy(): boolean {
    return this.hold.isHealthy;
  }

  open(): Promise<void> {
    return this.hold.open();
  }

  push(input: Input): void {
    this.queue.push(input);
    this.running ??= this.run();
  }

  /** The saga as this lane last committed it; undefined when it is not in memory. */
  peek(sagaId: string): Saga | undefined {
    return this.cache.peek(sagaId);
  }

  /** Writes the confirmed number down when no batch has done so. */
  confirmWhenIdle(): void {
    if (!this.stopping && this.owes) this.running ??= this.run();
  }

  /** Works off what waits, lets the broker confirm what is committed if it does so soon, and gives the lane up. */
  async close(): Promise<void> {
    this.stopping = true;
    while (this.running) await this.running;
    this.queue.failRequests();
    await within(this.options.timer, PATIENCE, this.outbox.settled());
    await this.commit([]).catch(() => undefined);
    await this.hold.close();
  }

  /** What has to be written down though no input comes. */
  private get owes(): boolean {
    return this.outbox.confirmed > this.written || this.applied.length > 0;
  }

  private async run(): Promise<void> {
    // A turn of the event loop, so that what arrives together is decided together.
    await new Promise(setImmediate);
    do await this.turn();
    while (this.queue.length > 0 && (this.hold.lane || !this.stopping));
    this.running = undefined;
  }

  private async turn(): Promise<void> {
    const { store, decider, clock, maxBatch } = this.options;
    const inputs = this.queue.take(maxBatch);
    try {
      const known = await this.cache.know(inputs);
      const keys = keysOf(inputs);
      const taken = keys.length > 0 ? await store.findKeys(keys) : [];
      const { entries, deferred } = decider.decide(inputs, known, taken, clock.now());
      this.queue.again(deferred);
      await this.conclude(entries);
      this.hold.worked();
    } catch (error) {
      await this.recover(inputs, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** What changes something is committed. What does not is final only if it was decided from the store's own saga. */
  private async conclude(entries: readonly Entry[]): Promise<void> {
    const writing: Entry[] = [];
    for (const entry of entries) {
      if (entry.records.length > 0) writing.push(entry);
      else if (entry.isCached) this.again(entry);
      else if (entry.parks.length + entry.claims.length + unparkedBy(entry).length > 0) writing.push(entry);
      else this.queue.answerAll(entry);
    }
    if (writing.length === 0 && !this.owes) return;
    await writeWithoutCulprits(writing, (some) => this.commit(some), this.poisoned);
  }

  private async commit(entries: readonly Entry[]): Promise<void> {
    const { lane } = this.hold;
    if (!lane) throw new StateStoreError('NO_LANE', 'the lane is not open');
    const { confirmed } = this.outbox;
    const { batch, number } = batchOf(entries, lane.id, this.number);
    // One that is applied is taken off its table a batch later: should its write be stale, it must still be there.
    const unpark = [...this.applied.splice(0), ...batch.unpark];
    const askedAt = this.options.clock.asking();
    const result = await lane.commit({ ...batch, confirmed, unpark });
    if (result.kind === 'laneLost') throw new StateStoreError('LANE_LOST', `lane ${lane.id} was taken over`);

    this.options.clock.learn(result.now, askedAt);
    this.number = number;
    this.written = confirmed;
    const stale = new Set(result.stale);
    const good = entries.filter((entry) => !stale.has(entry.sagaId));
    this.publish(number, good);
    for (const entry of entries) {
      if (stale.has(entry.sagaId)) this.again(entry);
      else this.committed(entry);
    }
  }

  /** Keeps only what it needs while the broker confirms: the rest of the batch is garbage by then. */
  private publish(upTo: number, entries: readonly Entry[]): void {
    const { sagas, messages } = outcomeOf(entries);
    void this.outbox.publish(upTo, messages).then(() => sagas.forEach(this.options.onConfirmed));
  }

  private committed(entry: Entry): void {
    const { saga, records } = entry;
    if (saga && records.length > 0) {
      this.applied.push(...unparkedBy(entry));
      if (isFinished(saga)) this.cache.forget(saga.sagaId);
      else this.cache.remember(saga);
      this.options.onMoved(saga);
    }
    this.queue.answerAll(entry);
  }

  /** Decided from what may be old: decide again from the store. */
  private again(entry: Entry): void {
    this.cache.doubt(entry.sagaId);
    this.queue.again(entry.verdicts.map(({ input }) => input));
  }

  /** The store refuses this saga's rows: it is held for a person, what came for it is parked, and nobody else waits. */
  private readonly poisoned = (entry: Entry, error: Error): void => {
    const { sagaId, verdicts } = entry;
    const facts = { sagaId, code: codeOf(error), error: error.message };
    this.options.logger.error('the store refused a transition', facts);
    this.cache.doubt(sagaId);
    const inputs = verdicts.map(({ input }) => input);
    const quarantine = quarantineOf(entry, error);
    if (quarantine) this.queue.again([quarantine, ...inputs]);
    else for (const input of inputs) this.queue.answer(input, { kind: 'failed', error });
  };

  /** The store is away, or the lane was taken over. Nothing is known to be applied, so everything is decided again. */
  private async recover(inputs: readonly Input[], error: Error): Promise<void> {
    const { logger, newOutbox, onReopened } = this.options;
    logger.error('a batch failed and will be decided again', { error: error.message, inputs: inputs.length });
    this.cache.clear();
    this.applied = [];
    this.queue.restore(inputs, error);
    const { failRequests } = this.queue;
    const isOpen = await this.hold.reopen({ onWaited: failRequests, isStopping: () => this.stopping });
    if (!isOpen) return;
    const former = this.outbox;
    this.outbox = newOutbox();
    this.outbox.follow(former);
    this.number = 0;
    this.written = 0;
    onReopened();
  }
}
