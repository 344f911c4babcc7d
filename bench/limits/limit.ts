/** What the machine and its servers can do at best, measured beside the results. Kept as limit-<name>-<repeat>.json in the run's folder. */
export interface Limit {
  readonly limit: LimitName;
  readonly at: string;
  /** Why it was not measured; then there are no figures. */
  readonly absent?: string;
  /** By what was measured, such as `100 in a batch`. */
  readonly figures: Readonly<Record<string, number>>;
}

export type LimitName = 'fsync' | 'T1' | 'Tb' | 'echo';

export function limitOf(limit: LimitName, figures: Readonly<Record<string, number>>): Limit {
  return { limit, at: new Date().toISOString(), figures };
}

export function absentLimit(limit: LimitName, absent: string): Limit {
  return { limit, at: new Date().toISOString(), absent, figures: {} };
}

export function fileOfLimit(limit: LimitName, repeat: number): string {
  return `limit-${limit.toLowerCase()}-${repeat}`;
}

/* Names of figures, where others look for them. */

/** Commits in each second. */
export function connections(count: number): string {
  return `${count} connection${count === 1 ? '' : 's'}`;
}

/** Transitions in each second. */
export function inBatch(size: number): string {
  return `${size} in a batch`;
}

/** Echoes in each second. */
export function echoes(inFlight: number): string {
  return `${inFlight} in flight`;
}

/** How long one takes when the machine has slept for a second before it, as in W13. */
export const EACH_SECOND = '1 in each second';
