import { setTimeout as delay } from 'node:timers/promises';
import { isFinished } from '@counterstep/core';
import type { SagaContext, SagaQuery, Vitals } from '@counterstep/engine';
import { contextOfStored } from '@counterstep/engine';
import type { SagaRow } from '@counterstep/core';
import type { SagaState } from '@counterstep/protocol';
import type { DataSource, EntityTarget } from 'typeorm';
import { FinishedSagaEntity } from './entities/finished-saga.entity.js';
import type { SagaColumns } from './entities/saga-columns.js';
import { SagaEntity } from './entities/saga.entity.js';
import { storeErrorOf } from './errors.js';
import { LOAD, storedSagas } from './histories.js';
import type { HistoryRow } from './histories.js';

/** What people ask, through connections of their own: it must not keep the engine waiting. */
export class OperatorQueries {
  constructor(
    private readonly dataSource: DataSource,
    /** Milliseconds until the server is taken for frozen. */
    private readonly patience: number,
  ) {}

  /**
   * A page over both tables is the newest of a page of each. A saga that ends between the two looks is seen twice, as the
   * finished ones are looked at last, and its newer row counts.
   */
  async list(query: SagaQuery): Promise<SagaRow[]> {
    const states = query.states ?? ALL_STATES;
    const finished = states.filter((state) => isFinished({ state }));
    const unfinished = states.filter((state) => !isFinished({ state }));
    const rows = [
      ...(await this.page(SagaEntity, query, unfinished)),
      ...(await this.page(FinishedSagaEntity, query, finished)),
    ];
    return [...new Map(rows.map((row) => [row.sagaId, row])).values()]
      .sort((a, b) => (a.sagaId < b.sagaId ? 1 : -1))
      .slice(0, query.limit);
  }

  /** The schema refuses such rows; this would find those of a database whose constraint was dropped. */
  async hangingSagas(limit: number): Promise<string[]> {
    const sagas = await this.asked(
      this.dataSource.query<{ id: string }[]>(`SELECT id FROM counterstep.saga WHERE ${HANGING} LIMIT $1`, [
        limit,
      ]),
    );
    return sagas.map(({ id }) => id);
  }

  /** Counted in one look. */
  async vitals(overdueBefore: number): Promise<Vitals> {
    const [row] = await this.asked(
      this.dataSource.query<VitalsRow[]>(
        `SELECT
          (SELECT count(*)::int FROM counterstep.saga WHERE ${HANGING}) AS hanging,
          o.count AS overdue,
          o.oldest,
          (SELECT count(*)::int FROM counterstep.saga WHERE attention IS NOT NULL)
            + (SELECT count(*)::int FROM counterstep.finished_saga WHERE attention IS NOT NULL) AS attention
        FROM (
          SELECT count(*)::int AS count, min(least(due_at, deadline))::float8 AS oldest
          FROM counterstep.saga
          WHERE due_bucket <= $1::bigint / 60000 AND least(due_at, deadline) <= $1::bigint
        ) o`,
        [overdueBefore],
      ),
    );
    const { hanging = 0, overdue = 0, attention = 0, oldest = null } = row ?? {};
    return { hanging, overdue, attention, ...(oldest !== null && { oldestDueAt: oldest }) };
  }

  async loadContext(sagaId: string): Promise<SagaContext | undefined> {
    const rows = await this.asked(this.dataSource.query<HistoryRow[]>(LOAD, [[sagaId]]));
    return contextOfStored(storedSagas(rows)[0]);
  }

  /** A saga is in one of the two tables; while it is unfinished nothing of it may go. */
  async deleteFinished(sagaId: string): Promise<boolean> {
    const rows = await this.asked(
      this.dataSource.query<unknown[]>(
        `WITH gone AS (DELETE FROM counterstep.finished_saga WHERE id = $1 RETURNING id),
          history AS (DELETE FROM counterstep.history WHERE saga_id IN (SELECT id FROM gone)),
          keys AS (DELETE FROM counterstep.saga_key WHERE saga_id IN (SELECT id FROM gone)),
          parked AS (DELETE FROM counterstep.parked_input WHERE saga_id IN (SELECT id FROM gone))
        SELECT id FROM gone`,
        [sagaId],
      ),
    );
    return rows.length > 0;
  }

  private async page<Entity extends SagaColumns>(
    entity: EntityTarget<Entity>,
    { workflow, attention, before, limit }: SagaQuery,
    states: readonly SagaState[],
  ): Promise<SagaRow[]> {
    if (states.length === 0) return [];
    const builder = this.dataSource.manager
      .createQueryBuilder(entity, 'saga')
      .orderBy('saga.id', 'DESC')
      .limit(limit);
    builder.where('saga.state IN (:...states)', { states });
    if (workflow !== undefined) builder.andWhere('saga.workflow = :workflow', { workflow });
    if (attention) builder.andWhere('saga.attention IS NOT NULL');
    if (before !== undefined) builder.andWhere('saga.id < :before', { before });
    const sagas = await this.asked(builder.getMany());
    return sagas.map((saga) => saga.toRow());
  }

  /** Does not wait for a server that has frozen: TypeORM would, for as long as the network holds the connection. */
  async close(): Promise<void> {
    if (!this.dataSource.isInitialized) return;
    await Promise.race([this.dataSource.destroy(), delay(GOODBYE, undefined, { ref: false })]);
  }

  private async asked<Answer>(question: Promise<Answer>): Promise<Answer> {
    const stop = new AbortController();
    const silence = delay(this.patience, undefined, { signal: stop.signal }).then(() => {
      throw new Error(`the server has not answered for ${this.patience} ms`);
    });
    try {
      return await Promise.race([question, silence]);
    } catch (error) {
      throw storeErrorOf(error);
    } finally {
      silence.catch(() => undefined);
      stop.abort();
    }
  }
}

/** `isLive` of libs/core, turned round; what is finished has gone to another table. */
const HANGING = 'due_at IS NULL AND NOT paused AND attention IS NULL';

interface VitalsRow {
  readonly hanging: number;
  readonly overdue: number;
  readonly oldest: number | null;
  readonly attention: number;
}

const GOODBYE = 2_000;

const ALL_STATES: readonly SagaState[] = [
  'pending',
  'running',
  'completed',
  'failed',
  'compensated',
  'cancelled',
];
