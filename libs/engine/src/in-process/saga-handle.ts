import { WorkflowExecutionError } from '@counterstep/core';
import type {
  Asked,
  Cause,
  Explanation,
  HistoryRecord,
  InterveneEvent,
  SagaStatus,
  WorkflowContext,
} from '@counterstep/core';
import type { SagaState } from '@counterstep/protocol';
import type { SignalOfCaller } from '../asked.js';

/** A saga that has run to its end in process. */
export interface EndedSaga<Input = unknown, Results = unknown, Patches = unknown> {
  readonly sagaId: string;
  readonly state: Exclude<SagaState, 'pending' | 'running'>;
  /** What each step that succeeded has given, by step. */
  readonly results: Readonly<Partial<Results>>;
  /** What a step after the last one would read: the input, the results, and what steps wrote. Frozen. */
  readonly context: WorkflowContext<Input, Results & Patches>;
  /** What went wrong first; null when nothing did. */
  readonly cause: Cause | null;
  /** Steps of a saga that ended otherwise than `completed` whose effect may still stand. */
  readonly notUndone: readonly string[];
  /** All of the above, each step with its attempts, and what a person should look at. */
  readonly status: SagaStatus;
  readonly history: readonly HistoryRecord[];
}

/**
 * A saga that runs in process. As a promise it resolves when the saga has ended, however it ended: `completed`,
 * `compensated`, `cancelled`, or `failed` because somebody gave up.
 */
export interface RunningSaga<Input = unknown, Results = unknown, Patches = unknown>
  extends Promise<EndedSaga<Input, Results, Patches>>, SagaHandle {}

/**
 * What may be asked of a saga in process. Each waits until the saga is started, and rejects as the run does when it was not.
 * Those that change it throw as the same methods of `Orchestrator`, and `WorkflowExecutionError` (`SAGA_CLOSED`) once the
 * run is over.
 */
export interface SagaHandle {
  status(): Promise<SagaStatus>;
  /** Why it waits, or how it ended. */
  explain(): Promise<Explanation>;
  history(): Promise<readonly HistoryRecord[]>;
  /** Says something that the saga waits for, or will. */
  signal(name: string, signal?: SignalOfCaller): Promise<void>;
  /** Asks for it to be undone; resolves before it is. */
  cancel(by?: Asked): Promise<void>;
  /** Decides what the saga has asked a person. */
  intervene(decision: Omit<InterveneEvent, 'type'>): Promise<void>;
}

/**
 * The saga can go on only by a person's decision, and nobody here decides: an undo that cannot be done, a failure under
 * `hold`, a pivot without a clear answer. What was done so far stands; the message is the explanation's text.
 */
export class PersonNeededError extends WorkflowExecutionError {
  constructor(
    readonly explanation: Explanation,
    readonly status: SagaStatus,
    readonly history: readonly HistoryRecord[],
  ) {
    super('PERSON_NEEDED', explanation.text, { sagaId: status.sagaId });
  }
}
