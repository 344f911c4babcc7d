import type { Direction, SagaState } from '@counterstep/protocol';
import { dueAt, isFinished, openAttempts } from './saga.js';
import type { AttentionItem, Cause, Saga } from './saga.js';
import type { WorkflowRef } from './workflow.js';

/** What the store keeps of a saga beside its history: enough for lists, sweeps and the liveness check. No payloads. */
export interface SagaRow {
  readonly sagaId: string;
  readonly workflow: WorkflowRef;
  readonly version: number;
  readonly state: SagaState;
  readonly direction: Direction;
  readonly aim: Saga['aim'];
  readonly paused: boolean;
  readonly attention: readonly AttentionItem[];
  /** The open attempts: path, direction, run, attempt, status, due time. */
  readonly position: readonly (readonly [string, Direction, number, number, 'running' | 'waiting', number])[];
  readonly cause?: Cause;
  /** When it must be looked at without a message; absent when finished or held. */
  readonly dueAt?: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The row of a saga: a function of it, so that row, cache and fold can be compared. */
export function rowOf(saga: Saga): SagaRow {
  const due = dueAt(saga);
  return {
    sagaId: saga.sagaId,
    workflow: saga.workflow,
    version: saga.version,
    state: saga.state,
    direction: saga.direction,
    aim: saga.aim,
    paused: saga.paused,
    attention: saga.attention,
    position: isFinished(saga)
      ? []
      : openAttempts(saga).map(
          ({ step, direction, attempts }) =>
            [
              step,
              direction,
              attempts.run,
              attempts.attempt,
              attempts.status as 'running' | 'waiting',
              attempts.dueAt ?? 0,
            ] as const,
        ),
    ...(saga.cause && { cause: saga.cause }),
    ...(due !== undefined && { dueAt: due }),
    createdAt: saga.createdAt,
    updatedAt: saga.updatedAt,
  };
}
