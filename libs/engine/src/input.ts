import type { Saga, SagaEvent, Workflow } from '@counterstep/core';
import type { StartKey } from './start-keys.js';

/** Something that is to happen to one saga, and whoever wants to know how it went. */
export interface Input {
  readonly sagaId: string;
  readonly event: SagaEvent;
  /**
   * A `request` has a caller who waits: it is told when the store is down. A `message` came off the bus and is kept until
   * it is dealt with. An `internal` one (a timer) will come again by itself.
   */
  readonly origin: 'request' | 'message' | 'internal';
  /** Of a start: the definition that the saga is pinned to. */
  readonly workflow?: Workflow;
  /** Of a start: by which it, or what it is about, is known again. */
  readonly keys?: readonly StartKey[];
  /** Set when it comes from the table of parked inputs. */
  readonly parkedId?: number;
  /** Called once, when the result is final. */
  settle(result: InputResult): void;
}

export type InputResult =
  | { readonly kind: 'applied'; readonly saga: Saga }
  /** The start's key belongs to this saga. */
  | { readonly kind: 'existing'; readonly sagaId: string }
  | { readonly kind: 'ignored'; readonly reason: string }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      /** What the state allows instead. */
      readonly allowed?: readonly string[];
      readonly saga?: Saga;
      /** The saga that stands in the way. */
      readonly holder?: string;
    }
  /** No such saga. */
  | { readonly kind: 'absent' }
  /** Kept in the store until it can be applied. */
  | { readonly kind: 'parked' }
  | { readonly kind: 'failed'; readonly error: Error };
