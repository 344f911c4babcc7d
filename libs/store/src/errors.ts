import { StateStoreError } from '@counterstep/core';
import { StoreContentError } from '@counterstep/engine';
import pg from 'pg';

/**
 * What an error of the driver means, judged by its SQLSTATE and never by its text:
 * `again` nothing was written and the same may succeed at once; `content` the server refused what was to be written;
 * `lost` the connection is gone, and nobody knows what became of the statement; `unavailable` nothing was written.
 */
export type Verdict = 'again' | 'content' | 'lost' | 'unavailable';

export function verdictOn(error: unknown): Verdict {
  if (!(error instanceof pg.DatabaseError)) return 'lost';
  const { code = '', severity } = error;
  if (severity === 'FATAL' || severity === 'PANIC' || code.startsWith('08') || code.startsWith('57P'))
    return 'lost';
  if (AGAIN.has(code)) return 'again';
  return CONTENT.has(code.slice(0, 2)) ? 'content' : 'unavailable';
}

/** Serialization failure, deadlock, lock timeout, statement timeout. */
const AGAIN: ReadonlySet<string> = new Set(['40001', '40P01', '55P03', '57014']);
/** Bad data, broken constraint, over a limit. */
const CONTENT: ReadonlySet<string> = new Set(['22', '23', '54']);

/** The error for the caller; `cause` is the driver's. */
export function storeErrorOf(error: unknown): StateStoreError | StoreContentError {
  if (error instanceof StateStoreError || error instanceof StoreContentError) return error;
  const cause = driverError(error);
  const message = cause instanceof Error ? cause.message : String(cause);
  switch (verdictOn(cause)) {
    case 'content':
      return new StoreContentError((cause as pg.DatabaseError).code ?? '', message, { cause });
    case 'lost':
      return new StateStoreError('CONNECTION_LOST', `the connection to Postgres was lost: ${message}`, {
        cause,
      });
    case 'again':
    case 'unavailable':
      return new StateStoreError('STORE_UNAVAILABLE', `Postgres could not do it now: ${message}`, { cause });
  }
}

/** TypeORM wraps the driver's errors. */
function driverError(error: unknown): unknown {
  return error instanceof Error && 'driverError' in error ? error.driverError : error;
}
