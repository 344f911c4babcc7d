import type { Direction } from '@counterstep/protocol';

/**
 * What handlers told while they ran: how far they are, figures, lines of a log. It is no part of the history and nothing is
 * decided from it. Times are ISO 8601, by the workers' clocks.
 */
export interface Told {
  /** By path, the part of a step that is done going forward, from 0 to 1. The one of a step must never fall. */
  readonly parts: ReadonlyMap<string, number>;
  readonly steps: readonly ToldStep[];
  /** The last lines, in the order in which they came. */
  readonly logs: readonly LogLine[];
  /** Lines, and values, that were told and are not kept. */
  readonly dropped: number;
}

/** What the newest attempt of a run told. */
export interface ToldStep {
  /** Its path. */
  readonly step: string;
  readonly direction: Direction;
  readonly run: number;
  readonly attempt: number;
  readonly progress: readonly CategoryProgress[];
  readonly metrics: readonly CategoryMetrics[];
}

export interface CategoryProgress {
  /** The step's path, unless the handler named another. */
  readonly category: string;
  readonly current: number;
  readonly total: number;
  readonly at: string;
}

export interface CategoryMetrics {
  readonly category: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly at: string;
}

export interface LogLine {
  readonly at: string;
  readonly step: string;
  readonly direction: Direction;
  readonly attempt: number;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly file: string | null;
}

export const NOTHING_TOLD: Told = Object.freeze({ parts: new Map(), steps: [], logs: [], dropped: 0 });

/** The part of a step that is done: of the category that bears its name, or else of all categories alike. Of no total it is 0. */
export function partOf(step: string, progress: readonly CategoryProgress[]): number {
  const own = progress.find(({ category }) => category === step);
  const parts = (own ? [own] : progress).map(({ current, total }) =>
    total > 0 ? Math.min(1, Math.max(0, current / total)) : 0,
  );
  return parts.length === 0 ? 0 : parts.reduce((sum, each) => sum + each, 0) / parts.length;
}
