import { StateStoreError } from '@counterstep/core';
import type { SagaRow } from '@counterstep/core';
import { ContextWriter, listAllIds } from '@counterstep/engine';
import type {
  PinnedDefinition,
  DeadLane,
  KeyName,
  Lane,
  Logger,
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
} from '@counterstep/engine';
import { carefully } from '@counterstep/protocol';
import type { SagaState } from '@counterstep/protocol';
import type { DataSource } from 'typeorm';
import { GRACE } from './connection.js';
import type { ConnectionSettings } from './connection.js';
import { dataSourceOf } from './data-source.js';
import { DeadLanes } from './dead-lanes.js';
import { findAbsent, findDefinitions, findPinned } from './definitions.js';
import { storeErrorOf } from './errors.js';
import * as lookups from './lookups.js';
import { OperatorQueries } from './operator-queries.js';
import { PostgresLane } from './postgres-lane.js';
import { ReadPool } from './read-pool.js';
import { checkDurability, checkSchema } from './server-checks.js';

export interface PostgresStoreOptions {
  /** Must lead to the server itself: lanes hold session locks, which a pooler in between would break. */
  readonly url: string;
  /** Milliseconds until the server cancels a lane's statement; default 10,000. A frozen server is given up 5 s later. */
  readonly lanesStatementTimeoutMs?: number;
  /** As which the connections show in `pg_stat_activity`; default `counterstep`. */
  readonly applicationName?: string;
  readonly logger?: Logger;
}

const STATEMENT_TIMEOUT = 10_000;
const LOOKUP_CONNECTIONS = 3;
const OPERATOR_CONNECTIONS = 3;

/** What is no UUID is the id of no saga; the server would take it for an error. */
function isSagaId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/**
 * The port `Store` on Postgres, in the schema `counterstep` (see `migrate`). Uses one connection per lane, up
 * to three for look-ups, three for operators' queries and one for take-overs.
 *
 * Its `StateStoreError`s have the codes `CONNECTION_LOST` (what was under way may or may not have happened; a lane is dead
 * for its owner), `STORE_UNAVAILABLE` (nothing was written), `LANE_CLOSED` and `STORE_CLOSED`. `open` rejects with
 * `ValidationError` when the schema is not up to date or `synchronous_commit` is off.
 */
export class PostgresStore implements Store {
  private readonly settings: ConnectionSettings;
  private readonly pool: ReadPool;
  private readonly dataSource: DataSource;
  private readonly operators: OperatorQueries;
  private readonly deadLanes: DeadLanes;
  private readonly writer = new ContextWriter(() => this.openLane([]));
  private readonly lanes = new Set<PostgresLane>();
  private opening: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor({
    url,
    lanesStatementTimeoutMs,
    applicationName = 'counterstep',
    logger,
  }: PostgresStoreOptions) {
    const log = carefully(logger);
    const onError = (error: unknown): void => {
      log.warn('a connection to Postgres broke', {
        error: error instanceof Error ? error.message : String(error),
      });
    };
    const common = { url, applicationName, statementTimeout: STATEMENT_TIMEOUT };
    this.settings = { ...common, statementTimeout: lanesStatementTimeoutMs ?? STATEMENT_TIMEOUT };
    this.pool = new ReadPool({ ...common, connections: LOOKUP_CONNECTIONS, onError });
    this.dataSource = dataSourceOf({ ...common, connections: OPERATOR_CONNECTIONS, onError });
    this.operators = new OperatorQueries(this.dataSource, STATEMENT_TIMEOUT + GRACE);
    this.deadLanes = new DeadLanes(this.settings);
  }

  async open(): Promise<void> {
    this.ensureOpen();
    this.opening ??= this.connect().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    await this.opening;
  }

  async now(): Promise<number> {
    return lookups.readClock(this.reads());
  }

  async firstSeen(name: string): Promise<number> {
    return lookups.readFirstSeen(this.reads(), name);
  }

  async secret(): Promise<Uint8Array> {
    return lookups.readSecret(this.reads());
  }

  async openLane(digests: readonly string[]): Promise<Lane> {
    this.ensureOpen();
    const lane = await PostgresLane.open(this.settings, digests, (closed) => this.lanes.delete(closed));
    this.lanes.add(lane);
    return lane;
  }

  async takeDeadLane(): Promise<DeadLane | undefined> {
    this.ensureOpen();
    return this.deadLanes.take();
  }

  async confirmedNumbers(laneIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const rows = await lookups.readConfirmed(this.reads(), laneIds);
    return new Map(rows.map(({ id, confirmed }) => [id, confirmed]));
  }

  async load(sagaIds: readonly string[]): Promise<StoredSaga[]> {
    const pool = this.reads();
    const ids = sagaIds.filter(isSagaId);
    return ids.length === 0 ? [] : lookups.loadHistories(pool, ids);
  }

  async recordsAfter(positions: readonly Position[], limit: number): Promise<StoredSaga[]> {
    const pool = this.reads();
    return positions.length === 0 ? [] : lookups.loadAfter(pool, positions, limit);
  }

  async finishedAmong(sagaIds: readonly string[]): Promise<string[]> {
    const pool = this.reads();
    return sagaIds.length === 0 ? [] : lookups.findFinished(pool, sagaIds);
  }

  async findKeys(keys: readonly KeyName[]): Promise<TakenKey[]> {
    return keys.length === 0 ? [] : lookups.findKeys(this.reads(), keys);
  }

  async dueSagas(
    before: number,
    limit: number,
  ): Promise<{ sagaId: string; dueAt: number; digest: string }[]> {
    const pool = this.reads();
    await lookups.renewBuckets(pool, before);
    return lookups.findDue(pool, before, limit);
  }

  async putOff(sagas: readonly PutOff[]): Promise<void> {
    await lookups.putOff(this.reads(), sagas);
  }

  async parkedInputs(
    digests: readonly string[],
    limit: number,
    ready?: ReadyInputs,
  ): Promise<StoredParkedInput[]> {
    const pool = this.reads();
    if (digests.length === 0) return [];
    return ready ? lookups.findReady(pool, digests, limit, ready) : lookups.findParked(pool, digests, limit);
  }

  async pinnedDefinitions(): Promise<PinnedDefinition[]> {
    return findDefinitions(this.reads());
  }

  async absentDefinitions(): Promise<PinnedDefinition[]> {
    return findAbsent(this.reads());
  }

  async pinnedSagas(digests: readonly string[], query: PinnedQuery, limit: number): Promise<string[]> {
    const pool = this.reads();
    return digests.length === 0 ? [] : findPinned(pool, digests, query, limit);
  }

  async hangingSagas(limit: number): Promise<string[]> {
    return (await this.asked()).hangingSagas(limit);
  }

  async vitals(overdueBefore: number): Promise<Vitals> {
    return (await this.asked()).vitals(overdueBefore);
  }

  async list(query: SagaQuery): Promise<SagaRow[]> {
    return (await this.asked()).list(query);
  }

  async saveContext(context: SagaContext): Promise<void> {
    this.ensureOpen();
    await this.writer.save(context);
  }

  async loadContext(sagaId: string): Promise<SagaContext | undefined> {
    const operators = await this.asked();
    return isSagaId(sagaId) ? operators.loadContext(sagaId) : undefined;
  }

  async deleteContext(sagaId: string): Promise<boolean> {
    const operators = await this.asked();
    return isSagaId(sagaId) && operators.deleteFinished(sagaId);
  }

  async listContexts(query: { workflowId?: string; state?: SagaState } = {}): Promise<string[]> {
    return listAllIds(this, query);
  }

  async close(): Promise<void> {
    this.closing ??= this.disconnect();
    await this.closing;
  }

  private async connect(): Promise<void> {
    await checkDurability(this.pool);
    await checkSchema(this.pool);
    try {
      await this.dataSource.initialize();
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  private async disconnect(): Promise<void> {
    await Promise.all([...this.lanes].map((lane) => lane.close()));
    await this.opening?.catch(() => undefined);
    await Promise.all([this.deadLanes.close(), this.pool.close(), this.operators.close()]);
  }

  private reads(): ReadPool {
    this.ensureOpen();
    return this.pool;
  }

  private async asked(): Promise<OperatorQueries> {
    await this.open();
    return this.operators;
  }

  private ensureOpen(): void {
    if (this.closing) throw new StateStoreError('STORE_CLOSED', 'the store is closed');
  }
}
