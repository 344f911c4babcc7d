import { isFinished, isHeld, rowOf } from '@counterstep/core';
import type { SagaRow } from '@counterstep/core';
import type {
  PinnedDefinition,
  Batch,
  CommitResult,
  KeyName,
  NewKey,
  NumberedRecord,
  PinnedQuery,
  PutOff,
  ReadyInputs,
  SagaQuery,
  StoredParkedInput,
  StoredSaga,
  TakenKey,
  Vitals,
  Write,
} from './store.js';

/** A lane's row. `holder` stands for the lock: the store that owns the lane, or takes it over. */
export interface LaneRow {
  readonly id: number;
  epoch: number;
  confirmed: number;
  holder: object | undefined;
  readonly digests: readonly string[];
}

interface SavedSaga {
  row: SagaRow;
  /** JSON text, as in a database: what is read back shares nothing with what was written. */
  readonly records: string[];
}

/**
 * What several memory stores share, as several orchestrators share one database. Each method is one transaction, since
 * nothing in it waits.
 */
export class MemoryDatabase {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly secret = crypto.getRandomValues(new Uint8Array(32));
  readonly lanes = new Map<number, LaneRow>();
  readonly seen = new Map<string, number>();
  private readonly unfinished = new Map<string, SavedSaga>();
  private readonly finished = new Map<string, SavedSaga>();
  private readonly keys = new Map<string, Omit<TakenKey, 'closed'>>();
  private readonly parked = new Map<number, StoredParkedInput>();
  private lastLaneId = 0;
  private lastParkedId = 0;

  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.now = now;
  }

  addLane(holder: object, digests: readonly string[]): LaneRow {
    const id = ++this.lastLaneId;
    const row: LaneRow = { id, epoch: 1, confirmed: 0, holder, digests: [...digests] };
    this.lanes.set(id, row);
    return row;
  }

  commit(laneId: number, epoch: number, batch: Batch): CommitResult {
    const lane = this.lanes.get(laneId);
    if (lane?.epoch !== epoch) return { kind: 'laneLost' };
    lane.confirmed = Math.max(lane.confirmed, batch.confirmed);
    const stale = batch.writes.filter((write) => !this.write(write)).map((write) => write.saga.sagaId);
    for (const { id, sagaId, key } of batch.claims ?? []) {
      if (this.isFree(key)) this.give(key, sagaId);
      else stale.push(id);
    }
    for (const input of batch.park) {
      if (stale.includes(input.sagaId)) continue;
      const id = ++this.lastParkedId;
      this.parked.set(id, { ...input, id });
    }
    for (const id of batch.unpark) this.parked.delete(id);
    return { kind: 'committed', stale, now: this.now() };
  }

  private write({ expectedVersion, saga, records, keys = [] }: Write): boolean {
    const { sagaId } = saga;
    const present = this.find(sagaId);
    if ((present?.row.version ?? 0) !== expectedVersion) return false;
    if (!keys.every((key) => this.isFree(key))) return false;
    // The end is the end: a finished saga may get another record, but no other state.
    if (this.finished.has(sagaId) && !isFinished(saga)) return false;
    // Before anything is changed: what cannot be written leaves no trace.
    const texts = records.map((record) => JSON.stringify(record));
    for (const key of keys) this.give(key, sagaId);
    const saved = present ?? { row: rowOf(saga), records: [] };
    saved.row = structuredClone(rowOf(saga));
    saved.records.push(...texts);
    this.unfinished.delete(sagaId);
    (isFinished(saga) ? this.finished : this.unfinished).set(sagaId, saved);
    return true;
  }

  load(sagaId: string): StoredSaga | undefined {
    const saved = this.find(sagaId);
    return saved && { sagaId, records: saved.records.map((text) => JSON.parse(text) as NumberedRecord) };
  }

  isFinished(sagaId: string): boolean {
    return this.finished.has(sagaId);
  }

  /** Histories of the sagas that have records of the lane above the number. */
  above(laneId: number, number: number): StoredSaga[] {
    return [...this.unfinished.keys(), ...this.finished.keys()]
      .map((sagaId) => this.load(sagaId) as StoredSaga)
      .filter(({ records }) => records.some((record) => record.lane === laneId && record.number > number));
  }

  findKey(name: KeyName): TakenKey | undefined {
    const taken = this.keys.get(nameOf(name));
    return taken && { ...taken, closed: this.finished.has(taken.sagaId) };
  }

  due(before: number, limit: number): SagaRow[] {
    return [...this.unfinished.values()]
      .flatMap(({ row }) => (firstDue(row) <= before ? [row] : []))
      .sort((a, b) => firstDue(a) - firstDue(b))
      .slice(0, limit);
  }

  putOff({ sagaId, version, dueAt }: PutOff): void {
    const saved = this.unfinished.get(sagaId);
    if (saved?.row.version !== version || (saved.row.dueAt ?? Infinity) >= dueAt) return;
    saved.row = { ...saved.row, dueAt };
  }

  parkedInputs(digests: readonly string[], limit: number, ready?: ReadyInputs): StoredParkedInput[] {
    const isReady = (sagaId: string): boolean => {
      const saved = this.unfinished.get(sagaId);
      return !ready?.except.includes(sagaId) && !(saved && isHeld(saved.row));
    };
    return [...this.parked.values()]
      .filter(({ digest, sagaId }) => digests.includes(digest) && (!ready || isReady(sagaId)))
      .slice(0, limit);
  }

  pinnedDefinitions(): PinnedDefinition[] {
    const pinned = new Map<string, PinnedDefinition>();
    for (const { row } of this.unfinished.values()) {
      const { name, version, digest } = row.workflow;
      const sagas = (pinned.get(digest)?.sagas ?? 0) + 1;
      pinned.set(digest, { digest, workflow: name, version, sagas });
    }
    return [...pinned.values()];
  }

  absentDefinitions(): PinnedDefinition[] {
    // One that was taken over is held by who finishes it, and lists what its dead owner had.
    const alive = [...this.lanes.values()].filter(({ holder, epoch }) => holder !== undefined && epoch === 1);
    const present = new Set(alive.flatMap(({ digests }) => digests));
    return this.pinnedDefinitions().filter(({ digest }) => !present.has(digest));
  }

  pinned(digests: readonly string[], query: PinnedQuery, limit: number): string[] {
    return [...this.unfinished.values()]
      .filter(({ row }) => digests.includes(row.workflow.digest))
      .filter(({ row }) =>
        query.held ? row.attention.some(({ hold, code }) => hold && code === query.code) : !isHeld(row),
      )
      .map(({ row }) => row.sagaId)
      .slice(0, limit);
  }

  hanging(limit: number): string[] {
    return [...this.unfinished.values()]
      .filter(({ row }) => row.dueAt === undefined && !row.paused && row.attention.length === 0)
      .map(({ row }) => row.sagaId)
      .slice(0, limit);
  }

  vitals(overdueBefore: number): Vitals {
    const overdue = this.due(overdueBefore, Infinity);
    const waiting = [...this.unfinished.values(), ...this.finished.values()].filter(
      ({ row }) => row.attention.length > 0,
    );
    const [oldest] = overdue;
    return {
      hanging: this.hanging(Infinity).length,
      overdue: overdue.length,
      ...(oldest && { oldestDueAt: firstDue(oldest) }),
      attention: waiting.length,
    };
  }

  list({ workflow, states, attention, before, limit }: SagaQuery): SagaRow[] {
    return [...this.unfinished.values(), ...this.finished.values()]
      .map(({ row }) => row)
      .filter(
        (row) =>
          (workflow === undefined || row.workflow.name === workflow) &&
          (states === undefined || states.includes(row.state)) &&
          (!attention || row.attention.length > 0) &&
          (before === undefined || row.sagaId < before),
      )
      .sort((a, b) => (a.sagaId < b.sagaId ? 1 : -1))
      .slice(0, limit)
      .map((row) => structuredClone(row));
  }

  deleteFinished(sagaId: string): boolean {
    for (const [name, key] of this.keys)
      if (key.sagaId === sagaId && this.finished.has(sagaId)) this.keys.delete(name);
    return this.finished.delete(sagaId);
  }

  private isFree(key: NewKey): boolean {
    const taken = this.findKey(key);
    return !taken || (key.fromClosed === true && taken.closed);
  }

  private give({ scope, key, bodyHash }: NewKey, sagaId: string): void {
    this.keys.set(nameOf({ scope, key }), { scope, key, sagaId, bodyHash });
  }

  private find(sagaId: string): SavedSaga | undefined {
    return this.unfinished.get(sagaId) ?? this.finished.get(sagaId);
  }
}

/** When it must be looked at without a message; `Infinity`: never. */
export function firstDue({ dueAt = Infinity, deadline = Infinity }: SagaRow): number {
  return Math.min(dueAt, deadline);
}

function nameOf({ scope, key }: KeyName): string {
  return JSON.stringify([scope, key]);
}
