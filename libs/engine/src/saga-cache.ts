import type { Saga } from '@counterstep/core';
import { entryOf } from './batch.js';
import type { Entry } from './batch.js';
import type { Input } from './input.js';
import type { Store } from './store.js';
import { digestOf } from './unreadable.js';
import type { UnreadableSagas } from './unreadable.js';

/** The sagas that a lane moved last, as its own commits left them. It may be behind the store, and only the commit can tell. */
export class SagaCache {
  private readonly sagas = new Map<string, Saga>();
  /** Decided from what was old; should it be a start, its saga may exist. */
  private readonly doubtful = new Set<string>();

  constructor(
    private readonly store: Store,
    private readonly limit: number,
    private readonly unreadable: UnreadableSagas,
  ) {}

  peek(sagaId: string): Saga | undefined {
    return this.sagas.get(sagaId);
  }

  remember(saga: Saga): void {
    this.sagas.set(saga.sagaId, saga);
    if (this.sagas.size <= this.limit) return;
    const [oldest] = this.sagas.keys();
    if (oldest !== undefined) this.sagas.delete(oldest);
  }

  forget(sagaId: string): void {
    this.sagas.delete(sagaId);
  }

  /** It was decided from what is old: the next look goes to the store. */
  doubt(sagaId: string): void {
    this.sagas.delete(sagaId);
    this.doubtful.add(sagaId);
  }

  clear(): void {
    this.sagas.clear();
  }

  /** The sagas of these inputs: from memory, or folded from their history in one read. */
  async know(inputs: readonly Input[]): Promise<Map<string, Entry>> {
    const known = new Map<string, Entry>();
    const missing = new Set<string>();
    for (const { sagaId, event } of inputs) {
      const saga = this.sagas.get(sagaId);
      const isDoubtful = this.doubtful.delete(sagaId);
      if (!known.has(sagaId)) known.set(sagaId, entryOf(sagaId, saga, saga !== undefined));
      // A start's saga is new; should it not be, the commit says so, and then it is looked up.
      if (!saga && (event.type !== 'start' || isDoubtful)) missing.add(sagaId);
    }
    if (missing.size === 0) return known;
    for (const stored of await this.store.load([...missing])) {
      const saga = this.unreadable.fold(stored);
      const unreadable = saga ? undefined : { digest: digestOf(stored.records) };
      known.set(stored.sagaId, entryOf(stored.sagaId, saga, false, unreadable));
    }
    return known;
  }
}
