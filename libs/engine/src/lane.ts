import { fold, isFinished } from '@counterstep/core';
import type { Saga } from '@counterstep/core';
import { StateStoreError } from '@counterstep/core';
import type { BatchDecider, Entry, Known } from './batch.js';
import type { StoreClock } from './clock.js';
import type { Input, InputResult } from './input.js';
import type { Logger } from './logger.js';
import { Outbox } from './outbox.js';
import { StoreContentError } from './store.js';
import type { Lane, NumberedRecord, Store, Write } from './store.js';

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
  readonly delay: (ms: number) => Promise<void>;
  /** A saga's transition is committed. */
  readonly onMoved: (saga: Saga) => void;
  /** The broker has the messages of that transition. */
  readonly onConfirmed: (saga: Saga) => void;
  /** The lane was lost or its connection broke: somebody must send its messages again. */
  readonly onReopened: () => void;
}

/**
 * The life of a batch. Inputs pile up while a commit is in flight; the next batch takes all of them: load what memory
 * lacks, decide each in order, commit everything in one transaction, publish, settle. The commit is the clock, so a batch
 * is one input when idle and grows by itself under load.
 */
export class LaneLoop {
  private queue: Input[] = [];
  private readonly cache = new Map<string, Saga>();
  /** Starts that were refused as stale: their saga may exist. */
  private readonly retried = new Set<string>();
  private readonly settled = new WeakSet<Input>();
  private lane: Lane | undefined;
  private outbox: Outbox;
  private number = 0;
  private written = 0;
  private running: Promise<void> | undefined;
  private stopping = false;
  private failures = 0;

  constructor(private readonly options: LaneOptions) {
    this.outbox = options.newOutbox();
  }

  /** Inputs that wait. */
  get backlog(): number {
    return this.queue.length;
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
    this.running ??= this.start();
  }

  /** The saga as this lane last committed it; undefined when it is not in memory. */
  peek(sagaId: string): Saga | undefined {
    return this.cache.get(sagaId);
  }

  /** Writes the confirmed number down when no batch has done so. Called when idle. */
  confirmWhenIdle(): void {
    if (this.running || this.stopping || this.outbox.confirmed <= this.written) return;
    this.running = this.start();
  }

  /** Works off what waits, lets the broker confirm what is committed, and gives the lane up. */
  async close(): Promise<void> {
    this.stopping = true;
    while (this.running) await this.running;
    await this.outbox.settled();
    await this.commit([]).catch(() => undefined);
    await this.lane?.close().catch(() => undefined);
  }

  private async start(): Promise<void> {
    // A turn of the event loop, so that what arrives together is decided together.
    await new Promise(setImmediate);
    try {
      do await this.turn();
      while (this.queue.length > 0);
    } finally {
      this.running = undefined;
    }
    if (this.queue.length > 0) this.running ??= this.start();
  }

  private async turn(): Promise<void> {
    const inputs = this.queue.splice(0, this.options.maxBatch);
    try {
      const known = await this.know(inputs);
      const keys = inputs.flatMap((input) => (input.key ? [input.key] : []));
      const taken = keys.length > 0 ? await this.options.store.findKeys(keys) : [];
      const { entries, deferred } = this.options.decider.decide(
        inputs,
        known,
        taken,
        this.options.clock.now(),
      );
      this.queue.unshift(...deferred);
      await this.conclude(entries);
      this.failures = 0;
    } catch (error) {
      await this.recover(inputs, error);
    }
  }

  /** The sagas of these inputs: from memory, or folded from their history. */
  private async know(inputs: readonly Input[]): Promise<Map<string, Known>> {
    const known = new Map<string, Known>();
    const missing = new Set<string>();
    for (const { sagaId, event } of inputs) {
      const saga = this.cache.get(sagaId);
      if (saga) known.set(sagaId, { saga, isCached: true });
      // A start's saga is new; should it not be, the commit says so, and then it is looked up.
      else if (event.type !== 'start' || this.retried.has(sagaId)) missing.add(sagaId);
    }
    this.retried.clear();
    if (missing.size > 0) {
      for (const { sagaId, records } of await this.options.store.load([...missing]))
        known.set(sagaId, { saga: fold(sagaId, records), isCached: false });
    }
    return known;
  }

  private async conclude(entries: readonly Entry[]): Promise<void> {
    const writing: Entry[] = [];
    for (const entry of entries) {
      if (entry.records.length > 0 || entry.parks.length > 0) writing.push(entry);
      else if (unparkedBy(entry).length > 0) writing.push(entry);
      else if (entry.isCached) this.again(entry);
      else this.settle(entry);
    }
    if (writing.length > 0 || this.outbox.confirmed > this.written) await this.commitOrSplit(writing);
  }

  /** A batch refused for its content is split until the culprit is alone; the rest goes on. */
  private async commitOrSplit(entries: readonly Entry[]): Promise<void> {
    try {
      await this.commit(entries);
    } catch (error) {
      if (!(error instanceof StoreContentError)) throw error;
      const [only] = entries;
      if (entries.length === 1 && only) {
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
    for (const entry of entries) {
      if (!entry.saga || entry.records.length === 0) continue;
      const records: NumberedRecord[] = entry.records.map((record) => ({
        ...record,
        lane: lane.id,
        number: ++number,
      }));
      const { version: expectedVersion, saga, key } = entry;
      writes.push({ expectedVersion, saga, records, ...(key && { key }) });
    }
    const result = await lane.commit({
      writes,
      confirmed,
      park: entries.flatMap((entry) => entry.parks),
      unpark: entries.flatMap(unparkedBy),
    });
    if (result.kind === 'laneLost') throw new StateStoreError('LANE_LOST', `lane ${lane.id} was taken over`);
    this.options.clock.learn(result.now);
    this.number = number;
    this.written = confirmed;
    const stale = new Set(result.stale);
    const good = entries.filter((entry) => !stale.has(entry.sagaId));
    const published = outbox.publish(
      number,
      good.flatMap((entry) => entry.messages),
    );
    for (const entry of entries) {
      if (stale.has(entry.sagaId)) this.again(entry);
      else this.committed(entry);
    }
    void published.then((isConfirmed) => {
      if (isConfirmed) for (const { saga } of good) if (saga) this.options.onConfirmed(saga);
    });
  }

  private committed(entry: Entry): void {
    const { saga, sagaId } = entry;
    if (saga && entry.records.length > 0) {
      this.cache.delete(sagaId);
      if (!isFinished(saga)) this.remember(saga);
      this.options.onMoved(saga);
    }
    this.settle(entry);
  }

  private remember(saga: Saga): void {
    this.cache.set(saga.sagaId, saga);
    if (this.cache.size <= this.options.maxCached) return;
    const [oldest] = this.cache.keys();
    if (oldest !== undefined) this.cache.delete(oldest);
  }

  /** Decided from what may be old: forget it, and decide again from the store. */
  private again(entry: Entry): void {
    this.cache.delete(entry.sagaId);
    this.retried.add(entry.sagaId);
    this.queue.unshift(...entry.verdicts.map(({ input }) => input));
  }

  /** The store refuses this saga's rows: it is held for a person, with what was refused, and nobody else waits. */
  private poisoned(entry: Entry, error: StoreContentError): void {
    this.cache.delete(entry.sagaId);
    const message = `the store refused a transition (${error.code}): ${error.message}`.slice(0, 1_000);
    this.options.logger.error('saga quarantined', {
      sagaId: entry.sagaId,
      code: error.code,
      error: error.message,
    });
    const inputs = entry.verdicts.map(({ input }) => input);
    if (entry.version === 0 || inputs.some(({ event }) => event.type === 'quarantine')) {
      for (const input of inputs) this.answer(input, { kind: 'failed', error });
      return;
    }
    const quarantine: Input = {
      sagaId: entry.sagaId,
      event: { type: 'quarantine', code: 'POISON', message },
      origin: 'internal',
      settle: () => undefined,
    };
    this.queue.unshift(quarantine, ...inputs);
  }

  /** The store is away, or the lane was taken over: nothing was applied for certain, so everything is decided again. */
  private async recover(inputs: readonly Input[], error: unknown): Promise<void> {
    const failure = error instanceof Error ? error : new Error(String(error));
    this.failures += 1;
    this.cache.clear();
    this.options.logger.error('a batch failed and will be decided again', {
      error: failure.message,
      inputs: inputs.length,
    });
    const queued = new Set(this.queue);
    const kept: Input[] = [];
    for (const input of inputs) {
      if (queued.has(input) || this.settled.has(input)) continue;
      if (input.origin === 'request') this.answer(input, { kind: 'failed', error: failure });
      else kept.push(input);
    }
    this.queue.unshift(...kept);
    await this.reopen();
  }

  private async reopen(): Promise<void> {
    const { store, digests, logger, delay, newOutbox, onReopened } = this.options;
    await this.lane?.close().catch(() => undefined);
    this.lane = undefined;
    while (!this.lane) {
      await delay(Math.min(5_000, 50 * 2 ** Math.min(this.failures, 7)));
      this.failRequests();
      try {
        this.lane = await store.openLane(digests);
      } catch (error) {
        this.failures += 1;
        logger.error('the store cannot be reached', {
          error: error instanceof Error ? error.message : String(error),
        });
        if (this.stopping) return;
      }
    }
    this.outbox = newOutbox();
    this.number = 0;
    this.written = 0;
    onReopened();
  }

  private settle(entry: Entry): void {
    for (const { input, result } of entry.verdicts) this.answer(input, result);
  }

  private answer(input: Input, result: InputResult): void {
    this.settled.add(input);
    input.settle(result);
  }

  /** Callers do not wait for a store that is away. */
  private failRequests(): void {
    const error = new StateStoreError('STORE_DOWN', 'the store cannot be reached');
    const isRequest = (input: Input): boolean => input.origin === 'request';
    const requests = this.queue.filter(isRequest);
    this.queue = this.queue.filter((input) => !isRequest(input));
    for (const request of requests) this.answer(request, { kind: 'failed', error });
  }
}

/** The parked inputs that the entry deals with for good. */
function unparkedBy(entry: Entry): number[] {
  return entry.verdicts.flatMap(({ input, result }) =>
    input.parkedId === undefined || result.kind === 'parked' ? [] : [input.parkedId],
  );
}
