import type { Direction, SagaState } from '@counterstep/protocol';
import { appended } from './appended.js';
import { actsByItself, isFinished, movesAt, openAttempts, openWaits } from './saga.js';
import type { AttentionItem, Cause, Saga } from './saga.js';
import type { WorkflowRef } from './workflow.js';
import type { Writable } from './draft.js';

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
  /** All that it waits for. */
  readonly position: readonly PositionEntry[];
  readonly cause?: Cause;
  /** When it goes on without a message; absent when finished, paused, held, or nothing but a message or a person moves it. */
  readonly dueAt?: number;
  /** When it is undone unless it is done; absent as `dueAt`. Apart from it, as it moves nothing until then: see `isLive`. */
  readonly deadline?: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/**
 * Path, direction, run, attempt, what it waits for, until when. `running`: an answer. `waiting`: the next attempt.
 * `signal`, `sleep`: these, with run and attempt 0. `stalled`: code of the definition is called again; attempt counts
 * the calls.
 */
export type PositionEntry = readonly [
  path: string,
  direction: Direction,
  run: number,
  attempt: number,
  status: 'running' | 'waiting' | 'signal' | 'sleep' | 'stalled',
  until: number,
];

/** The row of a saga: a function of it, so that row, cache and fold can be compared. */
export function rowOf(saga: Saga): SagaRow {
  const row: Writable<SagaRow> = {
    sagaId: saga.sagaId,
    workflow: saga.workflow,
    version: saga.version,
    state: saga.state,
    direction: saga.direction,
    aim: saga.aim,
    paused: saga.paused,
    attention: saga.attention,
    position: isFinished(saga) ? [] : positionOf(saga),
    createdAt: saga.createdAt,
    updatedAt: saga.updatedAt,
  };
  const due = movesAt(saga);
  const deadline = actsByItself(saga) ? saga.deadline : undefined;
  if (saga.cause) row.cause = saga.cause;
  if (due !== undefined) row.dueAt = due;
  if (deadline !== undefined) row.deadline = deadline;
  return row;
}

function positionOf(saga: Saga): PositionEntry[] {
  let entries: PositionEntry[] = [];
  for (const { step, direction, attempts } of openAttempts(saga)) {
    const { run, attempt, dueAt = 0 } = attempts;
    const status = attempts.status as 'running' | 'waiting';
    entries = appended(entries, [step, direction, run, attempt, status, dueAt]);
  }
  for (const { path, signal, until } of openWaits(saga))
    entries.push([path, 'forward', 0, 0, signal === undefined ? 'sleep' : 'signal', until]);
  if (saga.stalls)
    for (const { step, tries, dueAt } of saga.stalls)
      if (dueAt !== undefined) entries.push([step, 'forward', 0, tries, 'stalled', dueAt]);
  return entries;
}
