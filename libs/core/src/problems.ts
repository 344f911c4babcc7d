import type { Problem } from './errors.js';

/** Why `build()` refuses a definition. docs/errors.md says of each what it means and how to mend it. */
export const REFUSALS = [
  'BAD_NAME',
  'BAD_VERSION',
  'BAD_OPTIONS',
  'UNKNOWN_OPTION',
  'NOT_A_FLAG',
  'NOT_A_FUNCTION',
  'NOT_A_SCHEMA',
  'SCHEMA_NOT_JSON',
  'SCHEMA_NOT_STABLE',
  'RETRY_OUT_OF_BOUNDS',
  'TIMEOUT_OUT_OF_BOUNDS',
  'BAD_FAILURE_MODE',
  'EMPTY_WORKFLOW',
  'TOO_MANY_STEPS',
  'TOO_DEEP',
  'PATH_TOO_LONG',
  'DUPLICATE_NAME',
  'BAD_WORKER',
  'BAD_QUEUE',
  'BAD_BARRIER',
  'WEIGHT_OUT_OF_BOUNDS',
  'UNDO_ELSEWHERE',
  'TWO_KINDS',
  'BAD_WRITES',
  'WRITE_NOT_IN_OUTPUT',
  'WRITE_HIDES_STEP',
  'WRITE_CONFLICT',
  'EMPTY_GROUP',
  'BAD_MEMBER',
  'BAD_JOIN',
  'QUORUM_OUT_OF_BOUNDS',
  'BAD_ON_FAILURE',
  'FAIL_FAST_WITHOUT_BARRIER',
  'REDUCER_UNUSED',
  'NOT_A_WORKFLOW',
  'MAP_BODY',
  'MAP_WRITES',
  'CONCURRENCY_OUT_OF_BOUNDS',
  'MAX_ITEMS_OUT_OF_BOUNDS',
  'TOLERATE_OUT_OF_BOUNDS',
  'ITEM_HIDDEN',
  'BAD_SIGNAL',
  'BAD_ON_TIMEOUT',
  'SLEEP_OUT_OF_BOUNDS',
  'PIVOT_AGAIN',
  'PIVOT_IN_MAP',
  'PIVOT_GROUP',
  'NOT_UNDOABLE_BEFORE_PIVOT',
  'NOT_RETRIABLE_BESIDE_PIVOT',
  'NOT_RETRIABLE_AFTER_PIVOT',
  'RETRIABLE_WITHOUT_PIVOT',
] as const;

/** What `build()` warns of, and refuses under `strict`. */
export const WARNINGS = ['NO_UNDO', 'UNKNOWN_NEEDS_OUTPUT', 'BARRIER_NONE', 'CHILD_SETTING_IGNORED'] as const;

export type DefinitionCode = (typeof REFUSALS)[number] | (typeof WARNINGS)[number];

/** A problem of a definition; `step` is the path at which it is. */
export function problem(
  code: DefinitionCode,
  step: string | undefined,
  message: string,
  mend: string,
): Problem {
  return Object.freeze({ code, message, mend, ...(step !== undefined && { step }) });
}

/** A value as a message may show it, whatever it is. Never throws. */
export function shown(value: unknown): string {
  try {
    const text = typeof value === 'string' ? value : String(value);
    return text.length > 120 ? `${text.slice(0, 120)}…` : text;
  } catch {
    return 'something that cannot be shown';
  }
}
