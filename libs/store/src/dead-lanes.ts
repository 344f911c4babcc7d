import type { DeadLane, StoredSaga } from '@counterstep/engine';
import { Connection } from './connection.js';
import type { ConnectionSettings } from './connection.js';
import { LOAD_ABOVE, storedSagas } from './histories.js';
import type { HistoryRow } from './histories.js';
import { LOCK_CLASS } from './locks.js';
import { PLANNING } from './planning.js';
import { deleteLane } from './postgres-lane.js';

/**
 * Takes over lanes whose owner's session is gone. One connection holds the locks of all lanes that are being taken over,
 * so if this process dies too, they are free for others.
 */
export class DeadLanes {
  private connection: Connection | undefined;
  /** A session gets a lock that it holds already, so this says which lanes were handed out. */
  private readonly held = new Map<number, Connection>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly settings: ConnectionSettings) {}

  take(): Promise<DeadLane | undefined> {
    return this.inTurn(async () => {
      const connection = await this.connected();
      for (const id of await laneIds(connection)) {
        if (this.held.get(id) === connection || !(await tryLock(connection, id))) continue;
        const dead = await this.takeOver(connection, id).catch(async (error: unknown) => {
          await unlock(connection, id).catch(() => undefined);
          throw error;
        });
        if (dead) return dead;
        await unlock(connection, id);
      }
      return undefined;
    });
  }

  async close(): Promise<void> {
    await this.turn;
    await this.connection?.end();
  }

  /** From the new epoch on the former owner writes nothing; only then is it certain what it has written. */
  private async takeOver(connection: Connection, id: number): Promise<DeadLane | undefined> {
    const bumped = await bumpEpoch(connection, id);
    if (!bumped) return undefined;
    const { epoch, confirmed } = bumped;
    const sagas = await historiesAbove(connection, id, confirmed);
    this.held.set(id, connection);
    const letGo = async (): Promise<void> => {
      if (this.held.get(id) !== connection) return;
      this.held.delete(id);
      await unlock(connection, id);
    };
    return {
      id,
      confirmed,
      sagas,
      done: () =>
        this.inTurn(async () => {
          try {
            await deleteLane(connection, id, epoch);
          } finally {
            await letGo();
          }
        }),
      release: () => this.inTurn(letGo),
    };
  }

  private async connected(): Promise<Connection> {
    if (!this.connection || this.connection.isLost)
      this.connection = await Connection.open({ ...this.settings, session: PLANNING });
    return this.connection;
  }

  private inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

/** The fewest take-overs first: a lane that nobody can finish must not stand before others. */
async function laneIds(connection: Connection): Promise<number[]> {
  const rows = await connection.query<{ id: number }>({
    text: 'SELECT id FROM counterstep.lane ORDER BY epoch, id',
  });
  return rows.map(({ id }) => id);
}

async function tryLock(connection: Connection, id: number): Promise<boolean> {
  const [row] = await connection.query<{ locked: boolean }>({
    text: 'SELECT pg_try_advisory_lock($1, $2) AS locked',
    values: [LOCK_CLASS, id],
  });
  return row?.locked ?? false;
}

async function unlock(connection: Connection, id: number): Promise<void> {
  await connection.query({ text: 'SELECT pg_advisory_unlock($1, $2)', values: [LOCK_CLASS, id] });
}

async function bumpEpoch(
  connection: Connection,
  id: number,
): Promise<{ epoch: number; confirmed: number } | undefined> {
  const [row] = await connection.query<{ epoch: number; confirmed: number }>({
    text: 'UPDATE counterstep.lane SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch, confirmed::float8 AS confirmed',
    values: [id],
  });
  return row;
}

async function historiesAbove(connection: Connection, lane: number, number: number): Promise<StoredSaga[]> {
  const rows = await connection.query<HistoryRow>({
    text: LOAD_ABOVE,
    values: [lane, number],
  });
  return storedSagas(rows);
}
