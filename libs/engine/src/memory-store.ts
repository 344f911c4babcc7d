import { StateStoreError } from '@counterstep/core';
import type { SagaRow } from '@counterstep/core';
import type { SagaState } from '@counterstep/protocol';
import { checkBatch } from './check-batch.js';
import { MemoryDatabase, firstDue } from './memory-database.js';
import type { LaneRow } from './memory-database.js';
import { ContextWriter, contextOfStored, listAllIds } from './saga-contexts.js';
import type {
  PinnedDefinition,
  Batch,
  CommitResult,
  DeadLane,
  KeyName,
  Lane,
  PinnedQuery,
  Position,
  PutOff,
  ReadyInputs,
  SagaContext,
  SagaQuery,
  Store,
  StoredParkedInput,
  StoredSaga,
  TakenKey,
  Vitals,
} from './store.js';

export interface MemoryStoreOptions {
  /** Shared by the stores of several orchestrators; one of its own by default. */
  readonly database?: MemoryDatabase;
  /** The clock of a database of its own, in milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

/**
 * The port `Store` in memory: all promises but durability. Everything is lost with the process, so it is for tests, for
 * trying things out, and for sagas that may be lost.
 */
export class MemoryStore implements Store {
  readonly database: MemoryDatabase;
  private readonly writer = new ContextWriter(() => this.openLane([]));
  private state: 'open' | 'closed' | 'crashed' = 'open';
  private crashesAfterCommit = false;

  constructor({ database, now }: MemoryStoreOptions = {}) {
    this.database = database ?? new MemoryDatabase(now && { now });
  }

  async open(): Promise<void> {
    this.ensureOpen();
  }

  async now(): Promise<number> {
    return this.reached().now();
  }

  async firstSeen(name: string): Promise<number> {
    const { seen, now } = this.reached();
    const first = seen.get(name) ?? now();
    seen.set(name, first);
    return first;
  }

  async secret(): Promise<Uint8Array> {
    return this.reached().secret.slice();
  }

  async openLane(digests: readonly string[]): Promise<Lane> {
    return new MemoryLane(this, this.reached().addLane(this, digests));
  }

  async takeDeadLane(): Promise<DeadLane | undefined> {
    const { lanes } = this.reached();
    // The fewest take-overs first: a lane that nobody can finish must not stand before others.
    const [row] = [...lanes.values()]
      .filter(({ holder }) => holder === undefined)
      .sort((a, b) => a.epoch - b.epoch);
    if (!row) return undefined;
    row.holder = this;
    const epoch = ++row.epoch;
    const { id, confirmed } = row;
    const isOurs = (): boolean => this.reached().lanes.get(id)?.epoch === epoch;
    return {
      id,
      confirmed,
      sagas: this.database.above(id, confirmed),
      done: async () => {
        if (isOurs()) lanes.delete(id);
      },
      release: async () => {
        if (isOurs()) row.holder = undefined;
      },
    };
  }

  async confirmedNumbers(laneIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const { lanes } = this.reached();
    return new Map(laneIds.flatMap((id) => lanes.get(id) ?? []).map(({ id, confirmed }) => [id, confirmed]));
  }

  async load(sagaIds: readonly string[]): Promise<StoredSaga[]> {
    const database = this.reached();
    return [...new Set(sagaIds)].flatMap((id) => database.load(id) ?? []);
  }

  async recordsAfter(positions: readonly Position[], limit: number): Promise<StoredSaga[]> {
    const database = this.reached();
    let left = limit;
    return positions.flatMap(({ sagaId, version }) => {
      const records = database.load(sagaId)?.records.filter(({ seq }) => seq > version) ?? [];
      const taken = records.slice(0, left);
      left -= taken.length;
      return taken.length === 0 ? [] : [{ sagaId, records: taken }];
    });
  }

  async finishedAmong(sagaIds: readonly string[]): Promise<string[]> {
    const database = this.reached();
    return sagaIds.filter((sagaId) => database.isFinished(sagaId));
  }

  async findKeys(keys: readonly KeyName[]): Promise<TakenKey[]> {
    const database = this.reached();
    return keys.flatMap((name) => database.findKey(name) ?? []);
  }

  async dueSagas(
    before: number,
    limit: number,
  ): Promise<{ sagaId: string; dueAt: number; digest: string }[]> {
    const rows = this.reached().due(before, limit);
    return rows.map((row) => ({ sagaId: row.sagaId, dueAt: firstDue(row), digest: row.workflow.digest }));
  }

  async putOff(sagas: readonly PutOff[]): Promise<void> {
    const database = this.reached();
    for (const saga of sagas) database.putOff(saga);
  }

  async parkedInputs(
    digests: readonly string[],
    limit: number,
    ready?: ReadyInputs,
  ): Promise<StoredParkedInput[]> {
    return this.reached()
      .parkedInputs(digests, limit, ready)
      .map((input) => ({ ...input }));
  }

  async pinnedDefinitions(): Promise<PinnedDefinition[]> {
    return this.reached().pinnedDefinitions();
  }

  async absentDefinitions(): Promise<PinnedDefinition[]> {
    return this.reached().absentDefinitions();
  }

  async pinnedSagas(digests: readonly string[], query: PinnedQuery, limit: number): Promise<string[]> {
    return this.reached().pinned(digests, query, limit);
  }

  async hangingSagas(limit: number): Promise<string[]> {
    return this.reached().hanging(limit);
  }

  async vitals(overdueBefore: number): Promise<Vitals> {
    return this.reached().vitals(overdueBefore);
  }

  async list(query: SagaQuery): Promise<SagaRow[]> {
    return this.reached().list(query);
  }

  async saveContext(context: SagaContext): Promise<void> {
    return this.writer.save(context);
  }

  async loadContext(sagaId: string): Promise<SagaContext | undefined> {
    return contextOfStored(this.reached().load(sagaId));
  }

  async deleteContext(sagaId: string): Promise<boolean> {
    return this.reached().deleteFinished(sagaId);
  }

  async listContexts(query: { workflowId?: string; state?: SagaState } = {}): Promise<string[]> {
    return listAllIds(this, query);
  }

  async close(): Promise<void> {
    if (this.state !== 'open') return;
    this.state = 'closed';
    for (const row of this.heldLanes()) this.release(row);
  }

  /** For tests: as if the process died now. Its lanes are dead, with whatever they have not confirmed. */
  crash(): void {
    this.state = 'crashed';
    for (const row of this.heldLanes()) row.holder = undefined;
  }

  /** For tests: the next commit is written, then the connection is lost before the answer arrives. */
  crashAfterNextCommit(): void {
    this.crashesAfterCommit = true;
  }

  /** Used by the store's lanes. */
  commit(row: LaneRow, epoch: number, batch: Batch): CommitResult {
    const database = this.reached();
    checkBatch(row.id, batch);
    const result = database.commit(row.id, epoch, batch);
    if (this.crashesAfterCommit) {
      this.crash();
      this.ensureOpen();
    }
    return result;
  }

  /** Used by the store's lanes. A lane that has nothing left to confirm is forgotten, else another takes it over. */
  release(row: LaneRow): void {
    row.holder = undefined;
    if (this.database.above(row.id, row.confirmed).length === 0) this.database.lanes.delete(row.id);
  }

  private heldLanes(): LaneRow[] {
    return [...this.database.lanes.values()].filter(({ holder }) => holder === this);
  }

  private reached(): MemoryDatabase {
    this.ensureOpen();
    return this.database;
  }

  private ensureOpen(): void {
    if (this.state === 'crashed')
      throw new StateStoreError('CONNECTION_LOST', 'the connection to the store was lost');
    if (this.state === 'closed') throw new StateStoreError('STORE_CLOSED', 'the store is closed');
  }
}

class MemoryLane implements Lane {
  readonly id: number;
  private readonly epoch: number;
  private isClosed = false;

  constructor(
    private readonly store: MemoryStore,
    private readonly row: LaneRow,
  ) {
    this.id = row.id;
    this.epoch = row.epoch;
  }

  async commit(batch: Batch): Promise<CommitResult> {
    if (this.isClosed) throw new StateStoreError('LANE_CLOSED', `lane ${this.id} is closed`);
    return this.store.commit(this.row, this.epoch, batch);
  }

  async close(): Promise<void> {
    const isOurs = !this.isClosed && this.row.holder === this.store && this.row.epoch === this.epoch;
    this.isClosed = true;
    if (isOurs) this.store.release(this.row);
  }
}
