import { StateStoreError } from '@counterstep/core';
import { checkBatch } from '@counterstep/engine';
import type { Batch, CommitResult, Lane } from '@counterstep/engine';
import { BATCH_TYPES, commitStatement } from './commit-statement.js';
import type { BatchTypes, CommitRow } from './commit-statement.js';
import { Connection } from './connection.js';
import type { ConnectionSettings } from './connection.js';
import { FIRST_EPOCH, LOCK_CLASS } from './locks.js';
import { PLANNING } from './planning.js';

/** A lane with its own connection, whose session holds the lane's advisory lock for as long as it lives. */
export class PostgresLane implements Lane {
  private lastNumber = 0;
  private confirmed = 0;
  private isClosed = false;
  private underWay: Promise<unknown> | undefined;

  private constructor(
    readonly id: number,
    private readonly connection: Connection,
    private readonly types: BatchTypes,
    private readonly onClosed: (lane: PostgresLane) => void,
  ) {}

  static async open(
    settings: ConnectionSettings,
    digests: readonly string[],
    onClosed: (lane: PostgresLane) => void,
  ): Promise<PostgresLane> {
    const connection = await Connection.open({ ...settings, session: PLANNING });
    try {
      const types = await readTypes(connection);
      const id = await lockNewId(connection);
      await insertLane(connection, id, digests);
      return new PostgresLane(id, connection, types, onClosed);
    } catch (error) {
      await connection.end();
      throw error;
    }
  }

  async commit(batch: Batch): Promise<CommitResult> {
    if (this.isClosed) throw new StateStoreError('LANE_CLOSED', `lane ${this.id} is closed`);
    if (this.underWay) throw new Error(`lane ${this.id}: commits must not overlap`);
    checkBatch(this.id, batch);
    const commit = this.write(batch);
    this.underWay = commit.catch(() => undefined);
    try {
      return await commit;
    } finally {
      this.underWay = undefined;
    }
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.underWay;
    // If this fails, or is not true, whoever gets the lock next will find the lane.
    if (this.lastNumber <= this.confirmed)
      await deleteLane(this.connection, this.id, FIRST_EPOCH).catch(() => undefined);
    await this.connection.end();
    this.onClosed(this);
  }

  private async write(batch: Batch): Promise<CommitResult> {
    const [row] = await this.connection.query<CommitRow>(
      commitStatement(this.id, FIRST_EPOCH, batch, this.types),
    );
    if (!row) return { kind: 'laneLost' };
    const stale = new Set(row.stale);
    for (const { saga, records } of batch.writes)
      if (!stale.has(saga.sagaId))
        for (const { number } of records) this.lastNumber = Math.max(this.lastNumber, number);
    this.confirmed = Math.max(this.confirmed, batch.confirmed);
    return { kind: 'committed', stale: row.stale, now: row.now };
  }
}

async function readTypes(connection: Connection): Promise<BatchTypes> {
  const [types] = await connection.query<BatchTypes & Record<string, number>>({ text: BATCH_TYPES });
  if (!types) throw new Error('a SELECT without FROM always gives a row');
  return types;
}

/** Locked before the row can be seen, so that nobody takes it for dead. */
async function lockNewId(connection: Connection): Promise<number> {
  const [row] = await connection.query<{ id: number }>({
    text: `SELECT id, pg_advisory_lock($1, id) FROM (SELECT nextval('counterstep.lane_id')::int AS id OFFSET 0) AS next`,
    values: [LOCK_CLASS],
  });
  if (!row) throw new Error('a sequence always gives a number');
  return row.id;
}

async function insertLane(connection: Connection, id: number, digests: readonly string[]): Promise<void> {
  await connection.query({
    text: 'INSERT INTO counterstep.lane (id, epoch, digests) VALUES ($1, $2, $3)',
    values: [id, FIRST_EPOCH, digests],
  });
}

export async function deleteLane(connection: Connection, id: number, epoch: number): Promise<void> {
  await connection.query({
    text: 'DELETE FROM counterstep.lane WHERE id = $1 AND epoch = $2',
    values: [id, epoch],
  });
}
