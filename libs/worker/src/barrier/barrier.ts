import type { BarrierMode, Direction, ErrorFacts, Outcome } from '@counterstep/protocol';

/**
 * The port behind which a worker makes an effect happen once, and refuses what comes too late. Every implementation
 * passes `barrierConformance` of @counterstep/testing.
 */
export interface Barrier {
  /**
   * Answers each order of the group, running its effect only where the rules of its mode say so. The promises settle one
   * by one, and reject only with `BarrierUnavailable`: then nothing is decided, and the same order may be given again.
   */
  perform(group: readonly BarrierEntry[]): readonly Promise<Answer>[];
}

export interface BarrierEntry {
  readonly order: BarrierOrder;
  readonly effect: Effect;
}

/** What the barrier needs to know of a command. */
export interface BarrierOrder {
  readonly mode: BarrierMode;
  readonly sagaId: string;
  readonly step: string;
  readonly run: number;
  readonly attempt: number;
  readonly direction: Direction;
  readonly effectKey: string;
  /** Milliseconds after which nobody waits for this attempt any more; the barrier may end what outlives it by far. */
  readonly timeoutMs?: number;
  /** Undo only: the key of the effect to undo, and how the orchestrator saw it end. */
  readonly forwardKey?: string;
  readonly forwardOutcome?: Outcome;
}

/**
 * Runs the handler. `tx` is the barrier's transaction in mode `transaction`, else undefined. Never rejects: how it ended
 * is a value. What it writes through `tx` stands only if the answer that comes back from `perform` says so. `keepAlive`
 * tells the transaction's server that its client lives; it never rejects, and is absent where nothing needs to be told.
 */
export type Effect = (tx: unknown, keepAlive?: () => Promise<void>) => Promise<EffectResult>;

export type EffectResult =
  | { readonly outcome: 'succeeded'; readonly output?: unknown; readonly undoData?: unknown }
  | { readonly outcome: 'rejected'; readonly error: ErrorFacts }
  | {
      readonly outcome: 'failed';
      readonly error: ErrorFacts;
      readonly retryable: boolean;
      /** What was thrown, so that a lost connection is not taken for the handler's own failure. */
      readonly thrown?: unknown;
      /** The handler has not settled and may still use `tx`: the transaction's connection must not be used again. */
      readonly abandoned?: boolean;
    };

/** What goes back to the orchestrator, and what a duplicate gets again. JSON, apart from being readonly. */
export type Answer =
  | {
      readonly outcome: 'succeeded';
      readonly output?: unknown;
      readonly undoData?: unknown;
      /** An undo that found nothing to undo. */
      readonly noop?: true;
      /** The effect finished after its undo had begun, so it still stands. */
      readonly late?: true;
    }
  | {
      readonly outcome: 'rejected';
      readonly error: ErrorFacts;
      /** It came after its undo and was not run. */
      readonly refused?: true;
    }
  | { readonly outcome: 'failed'; readonly error: ErrorFacts; readonly retryable: boolean };

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
