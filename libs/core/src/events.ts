import type { Direction, ErrorFacts, JsonObject } from '@counterstep/protocol';
import type { HistoryRecord, Saga } from './saga.js';

/** What may happen to a saga. */
export type SagaEvent =
  | { readonly type: 'start'; readonly sagaId: string; readonly input: JsonObject; readonly startAt?: number }
  | ReplyEvent
  /** The attempt got no answer in time: the engine has made sure that none is on its way. */
  | {
      readonly type: 'deadline';
      readonly step: string;
      readonly direction: Direction;
      readonly run: number;
      readonly attempt: number;
    }
  /** A planned moment may have come: a retry, or the start. */
  | { readonly type: 'timer' }
  | { readonly type: 'cancel'; readonly actor?: string; readonly reason?: string }
  /** The store or the broker refused this saga's rows or messages for their content. */
  | { readonly type: 'quarantine'; readonly code: string; readonly message: string };

/** A worker's answer, after its token was checked. */
export interface ReplyEvent {
  readonly type: 'reply';
  readonly step: string;
  readonly direction: Direction;
  readonly run: number;
  readonly attempt: number;
  readonly outcome: 'succeeded' | 'rejected' | 'failed';
  readonly output?: unknown;
  readonly undoData?: unknown;
  readonly error?: ErrorFacts & { readonly retryable?: boolean | undefined };
  readonly noop?: boolean;
  readonly refused?: boolean;
}

/** The circumstances of a decision, given so that `decide` needs neither clock nor dice. */
export interface Moment {
  /** Milliseconds since the epoch, by the database's clock. */
  readonly now: number;
  /** In [0, 1): the jitter of a retry. */
  readonly random: number;
}

export type Decision =
  | {
      readonly kind: 'applied';
      readonly saga: Saga;
      readonly record: HistoryRecord;
      readonly effects: Effects;
    }
  /** Late, foreign, duplicate, or asked for already: nothing changes, and this is why. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** The caller asked for what the state does not allow. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** What the record asks the world to do; both kinds can be made again from history (see effects.ts). */
export interface Effects {
  readonly commands: readonly CommandEffect[];
  /** A public change of state, when there is one. */
  readonly stateChanged: boolean;
}

export interface CommandEffect {
  readonly step: string;
  readonly queue: string;
  readonly worker: string;
  readonly direction: Direction;
  readonly run: number;
  readonly attempt: number;
  readonly timeout: number;
  readonly data: unknown;
}
