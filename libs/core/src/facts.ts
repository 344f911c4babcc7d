import type { Direction, ErrorFacts, JsonObject, Outcome, SagaState } from '@counterstep/protocol';
import type { Again, AttentionItem, KeptSignal, Stage, StepProgress } from './saga.js';
import type { FailureMode, WorkflowRef } from './workflow.js';

/** The first thing that went wrong, and where. */
export interface Cause extends ErrorFacts {
  readonly step?: string;
  readonly attempt?: number;
}

/** Who asked for it, and why. */
export interface Asked {
  readonly actor?: string;
  readonly reason?: string;
}

/** What a person may do about a saga that waits for one. */
export type Verb = 'retry' | 'skip' | 'resolve' | 'undo' | 'giveUp' | 'release';

interface Result {
  readonly output?: unknown;
  readonly undoData?: unknown;
}

/** What happened, as data. The history of a saga is a list of records, each made by one event, each a list of facts. */
export type Fact =
  | {
      readonly type: 'started';
      readonly workflow: WorkflowRef;
      readonly input: JsonObject;
      readonly startAt?: number;
      readonly deadline?: number;
      /** `compensate` when absent. */
      readonly failureMode?: FailureMode;
      readonly traceparent?: string;
    }
  /** Its turn came. What has no worker says here what it waits for, or works through. */
  | ({
      readonly type: 'entered';
      readonly step: string;
      readonly stage: Stage;
      readonly taken: boolean;
    } & Pick<StepProgress, 'kind' | 'writes' | 'items' | 'signal' | 'until' | 'input'>)
  | {
      readonly type: 'command';
      readonly step: string;
      readonly direction: Direction;
      readonly run: number;
      readonly attempt: number;
      /** Milliseconds that the attempt may take. */
      readonly timeout: number;
      /** What the mapper gave, on the first attempt of a run; without a mapper the input is the context, and not repeated here. */
      readonly input?: unknown;
    }
  | ({
      readonly type: 'replied';
      readonly step: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly error?: ErrorFacts;
      readonly noop?: boolean;
    } & Result)
  | {
      readonly type: 'timedOut';
      readonly step: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly error: ErrorFacts;
    }
  | {
      readonly type: 'retryPlanned';
      readonly step: string;
      readonly direction: Direction;
      /** Milliseconds from now. */
      readonly delay: number;
    }
  /** A sign of life that carries what an undo will need. */
  | {
      readonly type: 'heartbeat';
      readonly step: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly undoData: unknown;
      /** Milliseconds that the attempt may take from now. */
      readonly timeout: number;
    }
  /** A success that came after the step was given up; `again`: after its undo was sent, which must run once more. */
  | ({ readonly type: 'lateSuccess'; readonly step: string; readonly again?: Again } & Result)
  /** A promise that nothing happened, which came after the step was given up and before its undo. */
  | { readonly type: 'lateRejection'; readonly step: string; readonly error: ErrorFacts }
  /** An answer that came when the saga had ended. */
  | ({
      readonly type: 'lateReply';
      readonly step: string;
      readonly direction: Direction;
      readonly run: number;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly error?: ErrorFacts;
    } & Result)
  /** No further attempt is made; `unawaited`: the answer of the present one is not waited for either. */
  | {
      readonly type: 'gaveUp';
      readonly step: string;
      readonly direction: Direction;
      readonly unawaited?: true;
    }
  /** The join was met, or the map goes on, without it. */
  | { readonly type: 'lost'; readonly step: string; readonly keep?: true }
  /** What has no worker is over: a signal, a sleep, a sub-workflow, a map. */
  | {
      readonly type: 'concluded';
      readonly step: string;
      readonly outcome: 'succeeded' | 'rejected';
      readonly output?: unknown;
      readonly error?: ErrorFacts;
      /** The kept signal that it took. */
      readonly signalId?: string;
    }
  /** Reducers made one value of several; `group` is the path of the group, that its name ends. */
  | {
      readonly type: 'joined';
      readonly group: string;
      readonly scope: string;
      readonly stage: Stage;
      readonly patch: JsonObject;
    }
  /** A function of the definition threw; without a delay, for the last time. */
  | {
      readonly type: 'stalled';
      readonly step: string;
      readonly tries: number;
      readonly error: ErrorFacts;
      readonly delay?: number;
    }
  | { readonly type: 'turned'; readonly aim: 'compensated' | 'cancelled'; readonly cause?: Cause }
  | ({ readonly type: 'attention' } & Omit<AttentionItem, 'since'>)
  /** `waits`: the pivot's answer is out, and decides. */
  | ({ readonly type: 'cancelRequested'; readonly waits?: Cause } & Asked)
  /** The pivot succeeded, so what was asked for meanwhile is not done. */
  | { readonly type: 'cancelDropped' }
  /** The saga's deadline passed when it could not turn any more. */
  | { readonly type: 'overdue' }
  | ({ readonly type: 'paused' } & Asked)
  | ({ readonly type: 'resumed' } & Asked)
  /** Ended without undo; the effects of these steps may stand. */
  | ({ readonly type: 'terminated'; readonly standing: readonly string[] } & Asked)
  | ({ readonly type: 'signalled'; readonly actor?: string } & KeptSignal)
  /** A person decided. */
  | ({
      readonly type: 'intervened';
      readonly verb: Verb;
      readonly step?: string;
      readonly direction?: Direction;
      readonly input?: unknown;
      readonly output?: unknown;
      readonly outcome?: 'succeeded' | 'rejected';
      readonly evidence?: string;
    } & Asked)
  | { readonly type: 'finished'; readonly state: SagaState };
