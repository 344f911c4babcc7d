import { setTimeout as delay } from 'node:timers/promises';
import { BarrierUnavailable } from './barrier.js';
import { openSession, type Session, type WorkerDatabase } from './database.js';
import { troubleOf } from './sqlstate.js';

export interface TransactionLimits {
  /** Milliseconds a statement waits for a lock that another transaction holds. */
  readonly lockTimeoutMs: number;
  /** Milliseconds the server lets the transaction idle before it ends the session; 0: for ever. */
  readonly idleTimeoutMs: number;
}

/** How the body wants its transaction to end. */
export type End<T> =
  | { readonly commit: true; readonly value: T }
  /** `thrown` made the body give up; `abandoned`: somebody may still use the connection, so it is closed. */
  | { readonly commit: false; readonly value: T; readonly thrown?: unknown; readonly abandoned?: boolean };

/** The transaction had been aborted by an error that somebody swallowed: Postgres answered COMMIT with ROLLBACK. */
export class TransactionAborted extends Error {
  readonly code = 'TRANSACTION_ABORTED';
  constructor() {
    super('a database error was swallowed inside the transaction, so Postgres rolled it back');
    this.name = 'TransactionAborted';
  }
}

const MAX_TRIES = 4;

/**
 * Runs `body` in one READ COMMITTED transaction, again (at most 4 times in all) after a deadlock, a serialization failure
 * or a lock timeout. Rejects with `BarrierUnavailable` when the database is away, or was lost during COMMIT, where nobody
 * knows how it ended; with the error itself in all other cases, and then nothing was written.
 */
export async function inTransaction<T>(
  database: WorkerDatabase,
  limits: TransactionLimits,
  body: (session: Session) => Promise<End<T>>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      const end = await once(database, limits, body);
      if (end.commit || troubleOf(end.thrown) !== 'contention' || tries === MAX_TRIES) return end.value;
    } catch (error) {
      if (troubleOf(error) !== 'contention' || tries === MAX_TRIES) throw error;
    }
    await delay(Math.random() * 20 * 2 ** tries);
  }
}

async function once<T>(
  database: WorkerDatabase,
  limits: TransactionLimits,
  body: (session: Session) => Promise<End<T>>,
): Promise<End<T>> {
  const session = await openSession(database);
  let destroy = false;
  try {
    await session.begin(
      // The rules rest on READ COMMITTED: after a conflict on the key, the next statement sees the other's committed row.
      'SET TRANSACTION ISOLATION LEVEL READ COMMITTED; ' +
        `SET LOCAL lock_timeout = ${Math.ceil(limits.lockTimeoutMs)}; ` +
        `SET LOCAL idle_in_transaction_session_timeout = ${Math.ceil(limits.idleTimeoutMs)}`,
    );
    const end = await body(session);
    if (end.commit) {
      const done = await session.client.query('COMMIT');
      if (done.command !== 'COMMIT') throw new TransactionAborted();
    } else if (end.abandoned) {
      destroy = true;
    } else {
      await session.client.query('ROLLBACK');
      // Postgres refused to work (disk full, shutting down): that is not the handler's failure.
      if (isRefusal(end.thrown)) throw new BarrierUnavailable(end.thrown);
    }
    return end;
  } catch (error) {
    if (!destroy && !session.broken()) {
      destroy = await session.client.query('ROLLBACK').then(
        () => false,
        () => true,
      );
    }
    if (error instanceof BarrierUnavailable) throw error;
    if (session.broken() || destroy || troubleOf(error) === 'unavailable')
      throw new BarrierUnavailable(error);
    throw error;
  } finally {
    await session.release(destroy);
  }
}

/** A SQLSTATE has five characters. System codes such as ECONNREFUSED may come from whatever else a handler calls. */
function isRefusal(thrown: unknown): boolean {
  return (
    troubleOf(thrown) === 'unavailable' &&
    typeof thrown === 'object' &&
    thrown !== null &&
    'severity' in thrown
  );
}
