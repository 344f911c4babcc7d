import { WorkflowExecutionError } from '@counterstep/core';
import type { HistoryRecord } from '@counterstep/core';
import { within } from './clock.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { ProgressView } from './progress-view.js';
import type { Registry } from './registry.js';
import { checkSagaId, sagaNotFound } from './requests.js';
import { SagaTeller } from './saga-teller.js';
import type { SagaUpdate } from './saga-teller.js';
import type { Store } from './store.js';

export interface WatchOptions {
  /** The `seq` of the last record that is known; 0 by default. */
  readonly after?: number;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

export interface WatchersOptions {
  readonly store: Pick<Store, 'load' | 'recordsAfter'>;
  readonly view: ProgressView;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** At most so many at a time. */
  readonly most: number;
}

/** Milliseconds between two looks at the store, one for all sagas that are watched. */
const LOOK_INTERVAL = 1_000;
/** Milliseconds until a look, when this process itself has moved a saga that is watched. */
const SOON = 20;
/** Milliseconds in which the words of handlers are put together. */
const TICK_INTERVAL = 250;
/** Milliseconds that the store may take to be asked before words are told. */
const PATIENCE = 500;
/** Records of one look. */
const MOST_RECORDS = 500;

interface Watcher {
  readonly sagaId: string;
  version: number;
  /** Something was told since it last looked. */
  isTold: boolean;
  /** Set while it waits. Undefined ends the watch. */
  wake: ((records: readonly HistoryRecord[] | undefined) => void) | undefined;
}

/**
 * Tells what happens to sagas, whoever runs them. The truth is their history in the store, read by one query for all of them;
 * what this process does itself only makes it look sooner. Nothing is kept for a watcher that does not come for more: what
 * happened is read when it does, and of what handlers told it gets the last.
 */
export class Watchers {
  private readonly bySaga = new Map<string, Set<Watcher>>();
  private count = 0;
  private isStopped = false;
  private looking: Promise<void> | undefined;
  private looksAgain = false;
  private cancelLook: (() => void) | undefined;
  private cancelSoon: (() => void) | undefined;
  private cancelTick: (() => void) | undefined;

  constructor(private readonly options: WatchersOptions) {}

  /**
   * First what happened after `after`, then what happens, until the saga has ended, or the watch is stopped. Throws what
   * stands at `Orchestrator.watch`.
   */
  async *watch(sagaId: string, { after = 0, signal }: WatchOptions = {}): AsyncGenerator<SagaUpdate, void> {
    const watcher = this.enter(checkSagaId(sagaId));
    try {
      let news: readonly HistoryRecord[] | undefined = await this.load(sagaId);
      const teller = new SagaTeller(sagaId, this.options);
      for (;;) {
        if (!news || signal?.aborted) return;
        for (const record of news) {
          const update = teller.record(record);
          if (record.seq > after) yield update;
        }
        watcher.isTold = false;
        const progress = teller.progress();
        if (progress) yield progress;
        const end = teller.end();
        if (end) {
          yield end;
          return;
        }
        news = await this.next(watcher, teller.version, signal);
      }
    } finally {
      this.leave(watcher);
    }
  }

  /** This process has moved that saga. */
  moved(sagaId: string): void {
    if (this.bySaga.size === 0 || !this.bySaga.has(sagaId)) return;
    this.cancelSoon ??= this.options.clock.after(SOON, () => {
      this.cancelSoon = undefined;
      void this.look();
    });
  }

  /** Something was told of that saga. */
  told(sagaId: string): void {
    const watchers = this.bySaga.get(sagaId);
    if (!watchers) return;
    for (const watcher of watchers) watcher.isTold = true;
    this.tickLater();
  }

  /** Ends every watch, without saying that the saga has ended. */
  stop(): void {
    this.isStopped = true;
    for (const cancel of [this.cancelLook, this.cancelSoon, this.cancelTick]) cancel?.();
    for (const watcher of this.all()) watcher.wake?.(undefined);
  }

  private all(): Watcher[] {
    return [...this.bySaga.values()].flatMap((watchers) => [...watchers]);
  }

  private async load(sagaId: string): Promise<readonly HistoryRecord[]> {
    const [stored] = await this.options.store.load([sagaId]);
    if (!stored) throw sagaNotFound(sagaId);
    return stored.records;
  }

  private enter(sagaId: string): Watcher {
    const { most } = this.options;
    if (this.count >= most)
      throw new WorkflowExecutionError('TOO_MANY_WATCHERS', `${most} watch sagas already`, { most }, true);
    const watcher: Watcher = { sagaId, version: 0, isTold: false, wake: undefined };
    const watchers = this.bySaga.get(sagaId) ?? new Set();
    this.bySaga.set(sagaId, watchers.add(watcher));
    this.count += 1;
    return watcher;
  }

  private leave(watcher: Watcher): void {
    const watchers = this.bySaga.get(watcher.sagaId);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.bySaga.delete(watcher.sagaId);
    this.count -= 1;
  }

  /** What came after that version, or nothing when only something was told; undefined ends the watch. */
  private next(
    watcher: Watcher,
    version: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly HistoryRecord[] | undefined> {
    if (this.isStopped || signal?.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const stop = (): void => watcher.wake?.(undefined);
      watcher.version = version;
      watcher.wake = (records) => {
        watcher.wake = undefined;
        signal?.removeEventListener('abort', stop);
        resolve(records);
      };
      signal?.addEventListener('abort', stop, { once: true });
      if (watcher.isTold) this.tickLater();
      this.lookLater();
    });
  }

  private lookLater(): void {
    if (this.isStopped) return;
    this.cancelLook ??= this.options.clock.after(LOOK_INTERVAL, () => {
      this.cancelLook = undefined;
      void this.look();
    });
  }

  private tickLater(): void {
    if (this.isStopped) return;
    this.cancelTick ??= this.options.clock.after(TICK_INTERVAL, () => {
      this.cancelTick = undefined;
      void this.tick();
    });
  }

  /** What is told of a step comes after what made it run; the store is asked first, but is not waited for if it is away. */
  private async tick(): Promise<void> {
    await within(this.options.clock, PATIENCE, this.look());
    for (const watcher of this.all()) if (watcher.isTold) watcher.wake?.([]);
  }

  /** One at a time. Never rejects. */
  private look(): Promise<void> {
    this.looksAgain = this.looking !== undefined;
    this.looking ??= this.lookUntilDone().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async lookUntilDone(): Promise<void> {
    do {
      this.looksAgain = false;
      await this.lookOnce();
    } while (this.looksAgain && !this.isStopped);
    if (this.all().some(({ wake }) => wake)) this.lookLater();
  }

  private async lookOnce(): Promise<void> {
    const versions = new Map<string, number>();
    for (const { sagaId, version, wake } of this.all())
      if (wake) versions.set(sagaId, Math.min(version, versions.get(sagaId) ?? version));
    if (versions.size === 0) return;
    const positions = [...versions].map(([sagaId, version]) => ({ sagaId, version }));
    try {
      const stored = await this.options.store.recordsAfter(positions, MOST_RECORDS);
      const found = stored.reduce((sum, { records }) => sum + records.length, 0);
      for (const { sagaId, records } of stored)
        for (const watcher of this.bySaga.get(sagaId) ?? []) {
          const news = records.filter(({ seq }) => seq > watcher.version);
          if (news.length > 0) watcher.wake?.(news);
        }
      if (found >= MOST_RECORDS) this.looksAgain = true;
    } catch (error) {
      // It is away, and is asked again: those who watch wait.
      this.options.logger.debug('the sagas that are watched could not be read', { error: String(error) });
    }
  }
}
