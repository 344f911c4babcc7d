import type { Direction, ErrorFacts, JsonObject } from '@counterstep/protocol';
import type { Asked, Verb } from './facts.js';
import type { HistoryRecord, Saga } from './saga.js';
import type { FailureMode } from './workflow.js';

/** What may happen to a saga. */
export type SagaEvent =
  | {
      readonly type: 'start';
      readonly sagaId: string;
      readonly input: JsonObject;
      readonly startAt?: number;
      /** Instead of the workflow's own. */
      readonly failureMode?: FailureMode;
      readonly traceparent?: string;
    }
  | ReplyEvent
  | HeartbeatEvent
  | DeadlineEvent
  /** A planned moment may have come: a retry, the start, the end of a wait, the saga's deadline. */
  | { readonly type: 'timer' }
  | {
      readonly type: 'signal';
      readonly id: string;
      readonly name: string;
      readonly data?: unknown;
      readonly actor?: string;
    }
  | ({ readonly type: 'cancel' } & Asked)
  /** Ends at once, without undo. */
  | ({ readonly type: 'terminate' } & Asked)
  | ({ readonly type: 'pause' } & Asked)
  | ({ readonly type: 'resume' } & Asked)
  | InterveneEvent
  /** The store or the broker refused this saga's rows or messages for their content, or its definition is absent. */
  | { readonly type: 'quarantine'; readonly code: string; readonly message: string };

/** Which attempt is spoken of. */
export interface AttemptName {
  readonly step: string;
  readonly direction: Direction;
  readonly run: number;
  readonly attempt: number;
}

/** A worker's answer, after its token was checked. */
export interface ReplyEvent extends AttemptName {
  readonly type: 'reply';
  readonly outcome: 'succeeded' | 'rejected' | 'failed';
  readonly output?: unknown;
  readonly undoData?: unknown;
  readonly error?: ErrorFacts & { readonly retryable?: boolean | undefined };
  /** An undo that found nothing to undo. */
  readonly noop?: boolean;
  /** A forward command that came after its undo and was not run. */
  readonly refused?: boolean;
  /** The effect finished after its undo had begun, so it still stands. */
  readonly late?: boolean;
}

/** The handler is at work and says what its undo will need. One without undo data only moves a deadline, and is not decided. */
export interface HeartbeatEvent extends AttemptName {
  readonly type: 'heartbeat';
  readonly undoData: unknown;
}

/** The attempt got no answer in time: the engine has made sure that none is on its way. */
export interface DeadlineEvent extends AttemptName {
  readonly type: 'deadline';
  /** No worker has taken the command from its queue. */
  readonly notPickedUp?: true;
}

/** A person's decision. `actor` and `reason` are required by whoever lets people in. */
export interface InterveneEvent extends Asked {
  readonly type: 'intervene';
  readonly verb: Verb;
  /** Which item is meant; may be absent when there is one only. */
  readonly step?: string;
  readonly direction?: Direction;
  /** Of `retry`: to be sent instead. */
  readonly input?: unknown;
  /** Of `skip` and `resolve`: what the step is taken to have given. */
  readonly output?: unknown;
  /** Of `resolve`: what became of the effect; `succeeded` when absent. */
  readonly outcome?: 'succeeded' | 'rejected';
  /** Of `resolve`: how one knows. */
  readonly evidence?: string;
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
  /** The caller asked for what the state does not allow; `allowed` says what it does. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly allowed?: readonly string[];
    };

/** What the record asks the world to do; all of it can be made again from history (see effects.ts). */
export interface Effects {
  readonly commands: readonly CommandEffect[];
  /** Commands that are out and whose effect nobody wants any more: their handlers are told. */
  readonly notices: readonly NoticeEffect[];
  /** A public change of state, when there is one. */
  readonly stateChanged: boolean;
}

export interface CommandEffect extends AttemptName {
  readonly queue: string;
  readonly worker: string;
  readonly timeout: number;
  readonly data: unknown;
}

export interface NoticeEffect {
  readonly step: string;
  readonly queue: string;
  readonly run: number;
  /** `cancelled`: the saga turned or ended. `superseded`: the step is not waited for. */
  readonly reason: 'cancelled' | 'superseded';
}
