import type { Answer, BarrierOrder, HandlerAnswer } from '@counterstep/core';

/**
 * The port behind which a worker makes an effect happen once, and refuses what comes too late. Every implementation
 * passes `barrierConformance` of @counterstep/testing.
 */
export interface Barrier {
  /**
   * Answers each entry of the group, running its effect only where the rules of its mode say so. Entries may be answered
   * one by one or many at once; the promise resolves when all of them are answered or undecided, and never rejects.
   */
  perform(group: readonly BarrierEntry[]): Promise<void>;
}

export interface BarrierEntry {
  readonly order: BarrierOrder;
  readonly effect: Effect;
  answered(answer: Answer): void;
  /** Nothing is decided; the same order may be given again. */
  undecided(error: BarrierUnavailable): void;
}

/**
 * Runs the handler. `tx` is the barrier's transaction in mode `transaction`, else undefined. Never rejects: how it ended
 * is a value. What it writes through `tx` stands only if the answer that the barrier gives says so. `keepAlive`
 * tells the transaction's server that its client lives; it never rejects, and is absent where nothing needs to be told.
 */
export type Effect = (tx: unknown, keepAlive?: () => Promise<void>) => Promise<EffectResult>;

export type EffectResult =
  | Exclude<HandlerAnswer, { outcome: 'failed' }>
  | (Extract<HandlerAnswer, { outcome: 'failed' }> & {
      /** What was thrown, so that a lost connection is not taken for the handler's own failure. */
      readonly thrown?: unknown;
      /** The handler has not settled and may still use `tx`: the transaction's connection must not be used again. */
      readonly abandoned?: boolean;
    });

/** The barrier's database did not answer. Nothing is decided; give the order again later. */
export class BarrierUnavailable extends Error {
  readonly code = 'BARRIER_UNAVAILABLE';
  readonly retryable = true;
  constructor(cause: unknown) {
    super(
      `the worker's database is not available: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
    this.name = 'BarrierUnavailable';
  }
}
