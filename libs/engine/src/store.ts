import type { HistoryRecord, Saga, SagaRow } from '@counterstep/core';
import type { SagaState } from '@counterstep/protocol';

/**
 * The port behind which sagas are kept. Two implementations, one suite (libs/testing): in memory, and on Postgres.
 *
 * A *lane* is one writer's own stream of commits. Every record that it writes carries the lane's id and a number that
 * grows by one, and the lane keeps the number up to which the broker has confirmed everything that the records ask to be
 * published. So history is the outbox: whoever takes over a dead lane sends again what is above that number.
 *
 * Every method rejects with `StateStoreError` when the store cannot be reached (retryable), or with `StoreContentError`
 * when it refuses what was to be written.
 */
export interface Store {
  /** Brings up what the store needs (connections, schema check). Idempotent. */
  open(): Promise<void>;

  /** The store's clock: milliseconds since the epoch. */
  now(): Promise<number>;

  /** When this name was first asked for, by the store's clock: the same for all who share the store, for ever. */
  firstSeen(name: string): Promise<number>;

  /** A secret of this installation, the same for all who share the store; at least 32 bytes. Reply tokens are made with it. */
  secret(): Promise<Uint8Array>;

  /** A new lane with a new id, owned by the caller until it is closed or its connection is lost. `digests` are the definitions the owner has. */
  openLane(digests: readonly string[]): Promise<Lane>;

  /**
   * Takes over one lane whose owner is gone, or resolves undefined when there is none. Its former owner can write nothing
   * any more. Of several callers one gets it.
   */
  takeDeadLane(): Promise<DeadLane | undefined>;

  /** Up to which number each lane is confirmed; a lane that is not in the answer is gone, and so confirmed in full. */
  confirmedNumbers(laneIds: readonly number[]): Promise<ReadonlyMap<number, number>>;

  /** Histories by id, of unfinished and finished sagas; absent ones are left out. Ordered by `seq`. */
  load(sagaIds: readonly string[]): Promise<StoredSaga[]>;

  /**
   * What has been added to the histories of sagas since they were at these versions: at most `limit` records, those of one
   * saga in the order of `seq` and without a gap. For many sagas that are watched at once.
   */
  recordsAfter(positions: readonly Position[], limit: number): Promise<StoredSaga[]>;

  /** Those among these that have finished. */
  finishedAmong(sagaIds: readonly string[]): Promise<string[]>;

  /** The keys among these that are taken. */
  findKeys(keys: readonly KeyName[]): Promise<TakenKey[]>;

  /**
   * Unfinished sagas whose `dueAt`, or deadline, is not after `before`, the soonest first. Uses a coarse index, so it may be called
   * every few seconds whatever the number of sagas.
   */
  dueSagas(before: number, limit: number): Promise<{ sagaId: string; dueAt: number; digest: string }[]>;

  /**
   * Raises the `dueAt` of sagas that are still at this version. No transition: one that is being written, has moved, or is
   * due later anyway is left alone, and the next write of the saga sets its own.
   */
  putOff(sagas: readonly PutOff[]): Promise<void>;

  /**
   * Parked inputs whose definition is among `digests`, the oldest first. They stay until a batch names them in `unpark`.
   * With `ready` only those that can be dealt with now: of sagas that are not held for a person.
   */
  parkedInputs(digests: readonly string[], limit: number, ready?: ReadyInputs): Promise<StoredParkedInput[]>;

  /** Definitions that unfinished sagas are pinned to. Looks at every unfinished saga, so it is for once at the start. */
  pinnedDefinitions(): Promise<PinnedDefinition[]>;

  /**
   * Those of them that no lane whose owner lives lists. Looks at every unfinished saga, so it is for once a minute.
   */
  absentDefinitions(): Promise<PinnedDefinition[]>;

  /** Unfinished sagas pinned to one of these definitions, in no order: those that are held with this code, or those that are not held. */
  pinnedSagas(digests: readonly string[], query: PinnedQuery, limit: number): Promise<string[]>;

  /** Unfinished sagas that nothing will move and nobody was told of (promise 6): must always be empty. */
  hangingSagas(limit: number): Promise<string[]>;

  /** How the sagas fare; `overdueBefore`: due since before that moment, and not moved. */
  vitals(overdueBefore: number): Promise<Vitals>;

  /** Rows for lists, the newest first; `before` is the last id of the page before. */
  list(query: SagaQuery): Promise<SagaRow[]>;

  /* The state store of the library form. */

  /** One version-checked transition with its record, through the same commit as every other. Rejects with `StateStoreError` (`STALE_SAGA`) when the saga has moved on. */
  saveContext(context: SagaContext): Promise<void>;
  /** The saga as it is; undefined when there is none. */
  loadContext(sagaId: string): Promise<SagaContext | undefined>;
  /** Deletes a finished saga with its history; false when there is none, or it is not finished. */
  deleteContext(sagaId: string): Promise<boolean>;
  /** The ids of the sagas that match. */
  listContexts(query?: { workflowId?: string; state?: SagaState }): Promise<string[]>;

  /** Closes every lane and connection. Idempotent. */
  close(): Promise<void>;
}

export interface Lane {
  readonly id: number;
  /**
   * Commits a batch in one transaction. Each write is checked by itself: one whose saga is not at `expectedVersion`, or
   * one of whose keys is taken, writes nothing, takes no key, and is named in the answer; all others are written. A lane that was taken over
   * writes nothing at all. Calls must not overlap.
   */
  commit(batch: Batch): Promise<CommitResult>;
  /** Gives the lane up. When everything is confirmed nothing of it is left, else another takes it over. Idempotent. */
  close(): Promise<void>;
}

/** A saga, and the `seq` of the last record of its history that is known. */
export interface Position {
  readonly sagaId: string;
  readonly version: number;
}

export interface PutOff {
  readonly sagaId: string;
  readonly version: number;
  readonly dueAt: number;
}

export interface Batch {
  /** At most one per saga, each key at most once. */
  readonly writes: readonly Write[];
  /** The broker has confirmed all messages of this lane's records up to this number. */
  readonly confirmed: number;
  /** Keys for sagas that exist. */
  readonly claims?: readonly Claim[];
  /** Kept, unless this batch has a write for the saga that is stale. */
  readonly park: readonly ParkedInput[];
  /** Parked inputs that this batch deals with. */
  readonly unpark: readonly number[];
}

/** One saga's transition: it was at `expectedVersion` (0: it did not exist), and is `saga` after `records`. */
export interface Write {
  readonly expectedVersion: number;
  readonly saga: Saga;
  readonly records: readonly NumberedRecord[];
  /** Taken by a start: all or none. */
  readonly keys?: readonly NewKey[];
}

/** A key that is given to a saga: from then on it leads there. */
export interface NewKey extends KeyName {
  readonly bodyHash: string;
  /** It may also be taken from a saga that has finished. */
  readonly fromClosed?: boolean;
}

/** A request that started nothing, because its business key had a saga, will get that saga again. */
export interface Claim {
  /** In `stale` when the key was taken. The id that the request's own saga would have had. */
  readonly id: string;
  /** The saga that the key is for. */
  readonly sagaId: string;
  readonly key: NewKey;
}

export interface NumberedRecord extends HistoryRecord {
  readonly lane: number;
  /** Counts from 1 within the lane. */
  readonly number: number;
}

export type CommitResult =
  | { readonly kind: 'laneLost' }
  /** `stale`: the ids of the sagas and claims that were not written. `now`: the store's clock at the commit. */
  | { readonly kind: 'committed'; readonly stale: readonly string[]; readonly now: number };

export interface StoredSaga {
  readonly sagaId: string;
  readonly records: readonly NumberedRecord[];
}

export interface DeadLane {
  readonly id: number;
  /** Histories, from the first record on, of the sagas that have records above the confirmed number. */
  readonly sagas: readonly StoredSaga[];
  /** The number above which messages must be sent again. */
  readonly confirmed: number;
  /** Everything was confirmed: the lane is forgotten. Should it reject, another may take it, as after `release`. */
  done(): Promise<void>;
  /** It could not be finished here (a definition is absent): another may take it. */
  release(): Promise<void>;
}

/** Scope and key: a request id, or a business key. */
export interface KeyName {
  readonly scope: string;
  readonly key: string;
}

export interface TakenKey extends KeyName {
  readonly sagaId: string;
  readonly bodyHash: string;
  /** That saga has finished. */
  readonly closed: boolean;
}

/** An input that cannot be applied now: the definition is absent, or the saga is quarantined. */
export interface ParkedInput {
  readonly sagaId: string;
  readonly digest: string;
  readonly code: string;
  /** JSON. */
  readonly input: string;
}

export interface ReadyInputs {
  /** Sagas whose inputs are left out. */
  readonly except: readonly string[];
}

export interface StoredParkedInput extends ParkedInput {
  readonly id: number;
}

export interface PinnedDefinition {
  readonly digest: string;
  readonly workflow: string;
  readonly version: number;
  /** How many unfinished sagas are pinned to it. */
  readonly sagas: number;
}

export type PinnedQuery = { readonly held: false } | { readonly held: true; readonly code: string };

/** Numbers of sagas. */
export interface Vitals {
  /** As `hangingSagas`: must be 0. */
  readonly hanging: number;
  /** What was to happen by itself did not: no orchestrator works, or none may decide. */
  readonly overdue: number;
  /** Since when the one is due that has been for the longest; milliseconds since the epoch. */
  readonly oldestDueAt?: number;
  /** Those that wait for a person, also finished ones. */
  readonly attention: number;
}

export interface SagaQuery {
  readonly workflow?: string;
  readonly states?: readonly SagaState[];
  /** Only those that wait for a person. */
  readonly attention?: boolean;
  readonly before?: string;
  readonly limit: number;
}

/** A saga with its last record: what the seeds' state store saves and loads. */
export interface SagaContext {
  readonly saga: Saga;
  /** The record that led to `saga`, whose `seq` is the saga's version. */
  readonly record: HistoryRecord;
}

/** The store refused the content of a batch (text that it cannot hold, a constraint). Retrying the same is useless. */
export class StoreContentError extends Error {
  readonly retryable = false;
  constructor(
    /** The SQLSTATE. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StoreContentError';
  }
}
