import type { Direction, ErrorFacts, JsonObject, Outcome, Phase, SagaState } from '@counterstep/protocol';
import type { WorkflowRef } from './workflow.js';

/**
 * One running instance of a workflow: the fold of its history (see evolve.ts), nothing else. Immutable. Times are
 * milliseconds since the epoch, by the database's clock.
 */
export interface Saga {
  readonly sagaId: string;
  readonly workflow: WorkflowRef;
  /** The `seq` of the last record of its history. */
  readonly version: number;
  readonly state: SagaState;
  readonly direction: Direction;
  /** The state that it ends in if all goes well from here. */
  readonly aim: 'completed' | 'compensated' | 'cancelled';
  readonly paused: boolean;
  /** What a person must look at before the saga can go on. */
  readonly attention: readonly AttentionItem[];
  readonly input: JsonObject;
  /** By path. For the order in which they were entered see `inOrder`. */
  readonly steps: Readonly<Record<string, StepProgress>>;
  /** The first thing that went wrong. It survives a clean undo. */
  readonly cause?: Cause;
  /** Nothing is sent before; only while pending. */
  readonly startAt?: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface AttentionItem {
  readonly code: string;
  readonly message: string;
  readonly step?: string;
  /** Nothing at all is done until a person acts: timers stand still, messages are parked. */
  readonly hold?: true;
}

export interface Cause extends ErrorFacts {
  readonly step?: string;
  readonly attempt?: number;
}

/** A series of attempts at one step in one direction. */
export interface Attempts {
  readonly run: number;
  readonly attempt: number;
  /** `running`: a command is out. `waiting`: the next one is due at `dueAt`. `stuck`: only a person can move it. */
  readonly status: 'running' | 'waiting' | 'ended' | 'stuck';
  /** While running, when its outcome becomes unknown; while waiting, when the next attempt is sent. */
  readonly dueAt?: number;
  readonly firstSentAt: number;
  /** When this attempt was decided. */
  readonly sentAt: number;
  /** The last word: once ended, how the step ended. */
  readonly outcome?: Outcome;
  /** Some attempt of this run failed or got no answer, so that the effect may stand whatever came later. */
  readonly uncertain: boolean;
  readonly error?: ErrorFacts;
}

export interface StepProgress {
  readonly path: string;
  /** Items of the workflow are entered one after another; the members of a group share a stage. Undo goes by it. */
  readonly stage: number;
  /** The condition's answer, asked once. */
  readonly taken: boolean;
  readonly forward?: Attempts;
  readonly undo?: Attempts & { readonly noop?: boolean };
  /** As sent to the worker, for every attempt and for the undo. */
  readonly input?: unknown;
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
    }
  | { readonly type: 'entered'; readonly step: string; readonly stage: number; readonly taken: boolean }
  | {
      readonly type: 'command';
      readonly step: string;
      readonly direction: Direction;
      readonly run: number;
      readonly attempt: number;
      /** Milliseconds that the attempt may take. */
      readonly timeout: number;
      /** What the mapper gave, on the first attempt; without a mapper the input is the context, and not repeated here. */
      readonly input?: unknown;
    }
  | {
      readonly type: 'replied';
      readonly step: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly output?: unknown;
      readonly undoData?: unknown;
      readonly error?: ErrorFacts;
      readonly noop?: boolean;
    }
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
  /** A success that came after the step was given up, before its undo was sent. */
  | {
      readonly type: 'lateSuccess';
      readonly step: string;
      readonly output?: unknown;
      readonly undoData?: unknown;
    }
  | { readonly type: 'gaveUp'; readonly step: string; readonly direction: Direction }
  | { readonly type: 'turned'; readonly aim: 'compensated' | 'cancelled'; readonly cause?: Cause }
  | ({ readonly type: 'attention' } & AttentionItem)
  | { readonly type: 'cancelRequested'; readonly actor?: string; readonly reason?: string }
  | { readonly type: 'finished'; readonly state: SagaState };

/** One entry of a saga's history; `seq` counts from 1 without gaps. */
export interface HistoryRecord {
  readonly seq: number;
  readonly at: number;
  /** What made it: `start`, `reply`, `deadline`, `timer`, `cancel` or `quarantine`. */
  readonly event: string;
  readonly facts: readonly Fact[];
}

export function isFinished(saga: Pick<Saga, 'state'>): boolean {
  return saga.state !== 'pending' && saga.state !== 'running';
}

/** Quarantined: the engine parks what comes for it. */
export function isHeld(saga: Pick<Saga, 'attention'>): boolean {
  return saga.attention.some((item) => item.hold);
}

/** What the saga is busy with; shown, never stored. */
export function phaseOf(saga: Pick<Saga, 'paused' | 'attention' | 'aim' | 'direction'>): Phase {
  if (saga.paused) return 'paused';
  if (saga.attention.length > 0) return 'attention';
  if (saga.aim === 'cancelled') return 'cancelling';
  return saga.direction === 'undo' ? 'compensating' : 'forward';
}

/** The steps in the order in which they were entered: an object lists keys such as '9' before all others. */
export function inOrder(saga: Pick<Saga, 'steps'>): StepProgress[] {
  return Object.values(saga.steps).sort((a, b) => a.stage - b.stage);
}

/** The attempts that are going on or planned, in either direction. */
export function openAttempts(saga: Saga): { step: string; direction: Direction; attempts: Attempts }[] {
  const open = [];
  for (const step of Object.values(saga.steps)) {
    for (const direction of ['forward', 'undo'] as const) {
      const attempts = step[direction];
      if (attempts && (attempts.status === 'running' || attempts.status === 'waiting'))
        open.push({ step: step.path, direction, attempts });
    }
  }
  return open;
}

/** Whether it only waits for its time. One whose definition failed at the start waits for a person instead. */
export function awaitsStart(saga: Saga): boolean {
  return saga.state === 'pending' && saga.startAt !== undefined && saga.attention.length === 0;
}

/** When something must happen without a message: the soonest deadline or timer; undefined when there is none. */
export function dueAt(saga: Saga): number | undefined {
  if (isFinished(saga) || saga.paused || isHeld(saga)) return undefined;
  let soonest = awaitsStart(saga) ? saga.startAt : undefined;
  for (const { attempts } of openAttempts(saga))
    if (attempts.dueAt !== undefined && (soonest === undefined || attempts.dueAt < soonest))
      soonest = attempts.dueAt;
  return soonest;
}

/** Promise 6: a saga that is not finished has something that will move it, or a named reason to wait for a person. */
export function isLive(saga: Saga): boolean {
  return isFinished(saga) || saga.paused || saga.attention.length > 0 || dueAt(saga) !== undefined;
}
