/** What an error of Postgres or its client asks for. Judged by SQLSTATE and system codes, never by message text. */
export type DatabaseTrouble =
  /** The database does not answer, or takes no writes: try again later. */
  | 'unavailable'
  /** A deadlock, a serialization failure or a lock timeout: the same transaction may well succeed at once. */
  | 'contention'
  /** Anything else: trying again will not help by itself. */
  | 'other';

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT', // a Unix socket whose server is away
]);
const CONTENTION = new Set(['40001', '40P01', '55P03']);
/** Of the barrier's own row: somebody who takes no lock made it meanwhile. */
const UNIQUE_VIOLATION = '23505';
const BARRIER_TABLE = 'counterstep_barrier';
/** Shutdowns, crash recovery, idle sessions ended by the server, and a standby that was not promoted yet. */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '25006']);
/** Connection exceptions and insufficient resources (too many connections, disk full, out of memory). */
const UNAVAILABLE_CLASSES = new Set(['08', '53']);

export function troubleOf(error: unknown): DatabaseTrouble {
  const code = sqlstateOf(error);
  if (code === undefined) return 'other';
  if (CONTENTION.has(code) || (code === UNIQUE_VIOLATION && tableOf(error) === BARRIER_TABLE))
    return 'contention';
  if (UNAVAILABLE.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || SYSTEM_CODES.has(code))
    return 'unavailable';
  return 'other';
}

/** The error's own code, or that of the driver's error which TypeORM wraps. */
export function sqlstateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('driverError' in error) {
    const inner = sqlstateOf(error.driverError);
    if (inner !== undefined) return inner;
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function tableOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'table' in error ? error.table : undefined;
}

/** Postgres refused to work (disk full, shutting down). System codes such as ECONNREFUSED may come from whatever else a handler calls. */
export function isRefusal(thrown: unknown): boolean {
  return (
    troubleOf(thrown) === 'unavailable' &&
    typeof thrown === 'object' &&
    thrown !== null &&
    'severity' in thrown
  );
}
