import { StateStoreError, isFinished } from '@counterstep/core';
import type { Saga } from '@counterstep/core';
import { storableText } from '@counterstep/protocol';
import type { BatchDecider, Entry } from './batch.js';
import { within } from './clock.js';
import type { Clock, StoreClock } from './clock.js';
import { InputQueue } from './input-queue.js';
import type { Input } from './input.js';
import type { Logger } from './logger.js';
import type { Outbox } from './outbox.js';
import { SagaCache } from './saga-cache.js';
import { StoreContentError } from './store.js';
import type { Lane, NumberedRecord, Store, Write } from './store.js';
import type { UnreadableSagas } from './unreadable.js';

export interface LaneOptions {
  readonly store: Store;
  readonly digests: readonly string[];
  readonly decider: BatchDecider;
  readonly clock: StoreClock;
  readonly logger: Logger;
  readonly newOutbox: () => Outbox;
  /** Inputs per batch. */
  readonly maxBatch: number;
  /** Sagas kept in memory. */
  readonly maxCached: number;
  readonly timer: Clock;
  readonly unreadable: UnreadableSagas;
  /** A saga's transition is committed. */
  readonly onMoved: (saga: Saga) => void;
  /** The broker has the messages of that transition. */
  readonly onConfirmed: (saga: Saga) => void;
  /** The lane was lost or its connection broke: somebody must send its messages again. */
  readonly onReopened: () => void;
}

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
  private lane: Lane | undefined;
  private outbox: Outbox;
  /** The number of the last record that was committed. */
  private number = 0;
  /** The confirmed number that the lane's row holds. */
  private written = 0;
  /** Parked inputs that are applied and still stand in their table. */
  private applied: number[] = [];
  private running: Promise<void> | undefined;
  private stopping = false;
  private failures = 0;

  constructor(private readonly options: LaneOptions) {
    this.outbox = options.newOutbox();
    this.cache = new SagaCache(options.store, options.maxCached, options.unreadable);
  }

  /** Inputs that wait, and committed records whose messages the broker has not confirmed: they are kept in memory. */
  get backlog(): number {
    return this.queue.length + this.number - this.outbox.confirmed;
  }

  /** Whether the last visit to the store went well. */
  get isHealthy(): boolean {
    return this.lane !== undefined && this.failures === 0;
  }

  async open(): Promise<void> {
    this.lane = await this.options.store.openLane(this.options.digests);
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
    const owes = this.outbox.confirmed > this.written || this.applied.length > 0;
    if (!this.stopping && owes) this.running ??= this.run();
  }

  /** Works off what waits, lets the broker confirm what is committed if it does so soon, and gives the lane up. */
  async close(): Promise<void> {
    this.stopping = true;
    while (this.running) await this.running;
    this.queue.failRequests();
    await within(this.options.timer, PATIENCE, this.outbox.settled());
    await this.commit([]).catch(() => undefined);
    await this.lane?.close().catch(() => undefined);
  }

  private async run(): Promise<void> {
    // A turn of the event loop, so that what arrives together is decided together.
    await new Promise(setImmediate);
    do await this.turn();
    while (this.queue.length > 0 && (this.lane || !this.stopping));
    this.running = undefined;
  }

  private async turn(): Promise<void> {
    const { store, decider, clock, maxBatch } = this.options;
    const inputs = this.queue.take(maxBatch);
    try {
      const known = await this.cache.know(inputs);
      const keys = inputs.flatMap((input) => input.keys ?? []);
      const taken = keys.length > 0 ? await store.findKeys(keys) : [];
      const { entries, deferred } = decider.decide(inputs, known, taken, clock.now());
      this.queue.again(deferred);
      await this.conclude(entries);
      this.failures = 0;
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
    const owes = this.outbox.confirmed > this.written || this.applied.length > 0;
    if (writing.length > 0 || owes) await this.commitOrSplit(writing);
  }

  /** A batch refused for its content (or that cannot even be written as JSON) is split until the culprit is alone; the rest goes on. */
  private async commitOrSplit(entries: readonly Entry[]): Promise<void> {
    try {
      await this.commit(entries);
    } catch (error) {
      const isContent = error instanceof StoreContentError || error instanceof TypeError;
      if (!isContent || entries.length === 0) throw error;
      const [only] = entries;
      if (only && entries.length === 1) {
        this.poisoned(only, error);
        return;
      }
      const half = Math.ceil(entries.length / 2);
      await this.commitOrSplit(entries.slice(0, half));
      await this.commitOrSplit(entries.slice(half));
    }
  }

  private async commit(entries: readonly Entry[]): Promise<void> {
    const { lane, outbox } = this;
    if (!lane) throw new StateStoreError('NO_LANE', 'the lane is not open');
    const confirmed = outbox.confirmed;
    let number = this.number;
    const writes: Write[] = [];
    for (const { saga, records, version: expectedVersion, keys } of entries) {
      if (!saga || records.length === 0) continue;
      const numbered = records.map((record): NumberedRecord => ({
        ...record,
        lane: lane.id,
        number: ++number,
      }));
      writes.push({ expectedVersion, saga, records: numbered, keys });
    }
    const claims = entries.flatMap((entry) => entry.claims);
    const park = entries.flatMap((entry) => entry.parks);
    // One that is applied is taken off the table a batch later: should its write be stale, it must still be there.
    const applied = this.applied.splice(0);
    const unpark = [...applied, ...entries.filter((entry) => entry.records.length === 0).flatMap(unparkedBy)];
    const askedAt = this.options.clock.asking();
    const result = await lane.commit({ writes, confirmed, claims, park, unpark });
    if (result.kind === 'laneLost') throw new StateStoreError('LANE_LOST', `lane ${lane.id} was taken over`);

    this.options.clock.learn(result.now, askedAt);
    this.number = number;
    this.written = confirmed;
    const stale = new Set(result.stale);
    const good = entries.filter((entry) => !stale.has(entry.sagaId));
    void this.publish(number, good);
    for (const entry of entries) {
      if (stale.has(entry.sagaId)) this.again(entry);
      else this.committed(entry);
    }
  }

  private async publish(upTo: number, entries: readonly Entry[]): Promise<void> {
    const messages = entries.flatMap((entry) => entry.messages);
    await this.outbox.publish(upTo, messages);
    for (const { saga } of entries) if (saga) this.options.onConfirmed(saga);
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
  private poisoned({ sagaId, version, verdicts }: Entry, error: Error): void {
    const { message } = error;
    const code = error instanceof StoreContentError ? error.code : error.name;
    this.options.logger.error('the store refused a transition', { sagaId, code, error: message });
    this.cache.doubt(sagaId);
    const inputs = verdicts.map(({ input }) => input);
    if (version === 0 || inputs.some(({ event }) => event.type === 'quarantine')) {
      for (const input of inputs) this.queue.answer(input, { kind: 'failed', error });
      return;
    }
    const event = {
      type: 'quarantine',
      code: 'POISON',
      message: storableText(`the store refused a transition (${code}): ${message}`, 1_000),
    } as const;
    this.queue.again([{ sagaId, event, origin: 'internal', settle: () => undefined }, ...inputs]);
  }

  /** The store is away, or the lane was taken over. Nothing is known to be applied, so everything is decided again. */
  private async recover(inputs: readonly Input[], error: Error): Promise<void> {
    const { store, digests, logger, timer, newOutbox, onReopened } = this.options;
    logger.error('a batch failed and will be decided again', { error: error.message, inputs: inputs.length });
    this.failures += 1;
    this.cache.clear();
    this.applied = [];
    this.queue.restore(inputs, error);
    await this.lane?.close().catch(() => undefined);
    this.lane = undefined;
    while (!this.lane) {
      const ms = Math.min(5_000, 50 * 2 ** Math.min(this.failures, 7));
      await new Promise<void>((resolve) => timer.after(ms, resolve));
      this.queue.failRequests();
      try {
        this.lane = await store.openLane(digests);
      } catch (failure) {
        this.failures += 1;
        logger.error('the store cannot be reached', { error: String(failure) });
        if (this.stopping) return;
      }
    }
    const former = this.outbox;
    this.outbox = newOutbox();
    this.outbox.follow(former);
    this.number = 0;
    this.written = 0;
    onReopened();
  }
}

/** The parked inputs that the entry deals with for good. */
function unparkedBy(entry: Entry): number[] {
  return entry.verdicts.flatMap(({ input, result }) =>
    input.parkedId === undefined || result.kind === 'parked' ? [] : [input.parkedId],
  );
}
