import { setTimeout as delay } from 'node:timers/promises';
import { BarrierUnavailable } from './barrier.js';
import { lastOf, openSession, type Session, type WorkerDatabase } from './database.js';
import { troubleOf } from './sqlstate.js';

export interface TransactionLimits {
  /** Milliseconds a statement waits for a lock that another transaction holds. */
  readonly lockTimeoutMs: number;
  /** Milliseconds the server lets the transaction idle before it ends the session; 0: for ever. */
  readonly idleTimeoutMs: number;
}

/** How the body wants its transaction to end. */
export interface End<T> {
  readonly value: T;
  /** Statements before the COMMIT, each with its semicolon. */
  readonly last?: string;
  /** Somebody may still use the connection, so it is closed, and nothing is committed. */
  readonly abandoned?: boolean;
}

/** The transaction had been aborted by an error that somebody swallowed: Postgres answered COMMIT with ROLLBACK. */
export class TransactionAborted extends Error {
  readonly code = 'TRANSACTION_ABORTED';
  constructor() {
    super('a database error was swallowed inside the transaction, so Postgres rolled it back');
    this.name = 'TransactionAborted';
  }
}

/** At most so many times in all. */
export const MAX_TRIES = 4;

/**
 * Runs `body` in one READ COMMITTED transaction that begins with the statements `first`, again (`tries` times in all)
 * after a deadlock, a serialization failure or a lock timeout. Rejects with `BarrierUnavailable` when the database is away, or
 * was lost during COMMIT, where nobody knows how it ended; with the error itself in all other cases, and then nothing was
 * written.
 */
export async function inTransaction<T>(
  database: WorkerDatabase,
  limits: TransactionLimits,
  tries: number,
  first: string,
  body: (session: Session, found: readonly unknown[]) => Promise<End<T>>,
): Promise<T> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await once(database, limits, first, body);
    } catch (error) {
      if (left === 0 || troubleOf(error) !== 'contention') throw error;
    }
    await delay(Math.random() * 20 * 2 ** (tries - left));
  }
}

async function once<T>(
  database: WorkerDatabase,
  limits: TransactionLimits,
  first: string,
  body: (session: Session, found: readonly unknown[]) => Promise<End<T>>,
): Promise<T> {
  const session = await openSession(database);
  let destroy = false;
  try {
    const found = await session.begin(
      `SET LOCAL lock_timeout = ${Math.ceil(limits.lockTimeoutMs)}; ` +
        `SET LOCAL idle_in_transaction_session_timeout = ${Math.ceil(limits.idleTimeoutMs)}; ${first}`,
    );
    const { value, last = '', abandoned = false } = await body(session, found);
    destroy = abandoned;
    if (!abandoned) {
      const done = lastOf(await session.client.query(`${last}COMMIT`));
      if (done.command !== 'COMMIT') throw new TransactionAborted();
    }
    return value;
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
