import type { Direction, ErrorFacts, JsonObject, Outcome, Phase, SagaState } from '@counterstep/protocol';
import { appended } from './appended.js';
import type { Cause, Fact } from './facts.js';
import type { FailureMode, WorkflowRef } from './workflow.js';

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
  readonly failureMode: FailureMode;
  readonly paused: boolean;
  /** What a person must look at. */
  readonly attention: readonly AttentionItem[];
  readonly input: JsonObject;
  /** By path. For the order in which they were entered see `inOrder`. */
  readonly steps: Readonly<Record<string, StepProgress>>;
  /** What reducers made, by the stage of their group. */
  readonly joined?: readonly { readonly scope: string; readonly stage: Stage; readonly patch: JsonObject }[];
  /** The first thing that went wrong. It survives a clean undo. */
  readonly cause?: Cause;
  /** Nothing is sent before; only while pending. */
  readonly startAt?: number;
  /** When it is undone unless it is done. Absent once it has passed, or the saga has turned. */
  readonly deadline?: number;
  /** It was to be undone while the pivot's answer was out, which decides. */
  readonly cancelWanted?: Cause;
  /** Signals that came before anything waited for them, the oldest first. */
  readonly signals?: readonly KeptSignal[];
  /** Ids of the signals that it has got: a second one of the same id changes nothing. */
  readonly signalIds?: readonly string[];
  /** Functions of the definition that threw. */
  readonly stalls?: readonly Stall[];
  /** A person decided to leave an effect standing, so it ends `failed`. */
  readonly gaveUp?: true;
  /** W3C traceparent that it was started with. */
  readonly traceparent?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/**
 * Where a step stands in the definition, by level: the index of its item in each sequence from the workflow down to its
 * own. Members of a group share it, the items of a map too. Undo goes by it (see undo.ts).
 */
export type Stage = readonly number[];

export interface AttentionItem {
  readonly code: string;
  readonly message: string;
  readonly step?: string;
  /** Which attempts of the step are stuck. */
  readonly direction?: Direction;
  /** Nothing at all is done until a person acts: timers stand still, messages are parked. */
  readonly hold?: true;
  /** Since when. */
  readonly since: number;
}

export interface KeptSignal {
  readonly id: string;
  readonly name: string;
  readonly data?: unknown;
}

/** A function of the definition threw when this step's turn came, and is called again at `dueAt`. */
export interface Stall {
  readonly step: string;
  readonly tries: number;
  /** Absent when only a person can go on. */
  readonly dueAt?: number;
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
  /** Going forward: when it ended. */
  readonly endedAt?: number;
  /** Some attempt of this run failed or got no answer, so that the effect may stand whatever came later. */
  readonly uncertain: boolean;
  readonly error?: ErrorFacts;
  /** Attempts before a person asked for more: the policy counts from here. */
  readonly spent?: number;
}

export interface StepProgress {
  readonly path: string;
  /** What it is, if not a step with a worker. */
  readonly kind?: 'workflow' | 'map' | 'signal' | 'sleep';
  readonly stage: Stage;
  /** The condition's answer, asked once. */
  readonly taken: boolean;
  readonly forward?: Attempts;
  readonly undo?: Attempts & {
    readonly noop?: boolean;
    /** The effect proved to stand after this run was sent: once it is over, another follows. */
    readonly again?: Again;
  };
  /** As sent to the worker, for every attempt and for the undo; of a sub-workflow, what it was given. */
  readonly input?: unknown;
  /** Put by a person in the place of `input`, for the undo only. */
  readonly undoInput?: unknown;
  readonly output?: unknown;
  readonly undoData?: unknown;
  /** Fields of the output that are fields of the context. */
  readonly writes?: readonly string[];
  /** Of a map: the list. */
  readonly items?: readonly unknown[];
  /** Of a signal: what it waits for. */
  readonly signal?: string;
  /** Of a signal or a sleep that is not over: until when it waits. */
  readonly until?: number;
  /** How what has no worker ended: a signal, a sleep, a sub-workflow, a map. */
  readonly outcome?: 'succeeded' | 'rejected';
  readonly endedAt?: number;
  readonly error?: ErrorFacts;
  /** A person passed it over: it counts as done, and is not undone. */
  readonly skipped?: true;
  /** The join was met without it, or the map goes on without it: it is settled, and undone unless kept. */
  readonly lost?: 'undo' | 'keep';
}

/** Whether another undo follows this one in any case, or only if this one found nothing to undo. */
export type Again = 'always' | 'ifNoop';

export type { Cause, Fact };

/** One entry of a saga's history; `seq` counts from 1 without gaps. */
export interface HistoryRecord {
  readonly seq: number;
  readonly at: number;
  /** The type of the event that made it. */
  readonly event: string;
  readonly facts: readonly Fact[];
}

export function isFinished(saga: Pick<Saga, 'state'>): boolean {
  return saga.state !== 'pending' && saga.state !== 'running';
}

/** Quarantined: the engine parks what comes for it. */
export function isHeld(saga: Pick<Saga, 'attention'>): boolean {
  return saga.attention.length > 0 && saga.attention.some((item) => item.hold);
}

/** What the saga is busy with; shown, never stored. */
export function phaseOf(saga: Pick<Saga, 'paused' | 'attention' | 'aim' | 'direction'>): Phase {
  if (saga.paused) return 'paused';
  if (saga.attention.length > 0) return 'attention';
  if (saga.aim === 'cancelled') return 'cancelling';
  return saga.direction === 'undo' ? 'compensating' : 'forward';
}

/** The steps in the order of their stages, those of one stage as they were entered. An object lists keys such as '9' first. */
export function inOrder(saga: Pick<Saga, 'steps'>): StepProgress[] {
  return Object.values(saga.steps).sort((a, b) => compareStages(a.stage, b.stage));
}

function compareStages(a: Stage, b: Stage): number {
  for (const [level, index] of a.entries()) {
    const other = b[level];
    if (other === undefined) return 1;
    if (index !== other) return index - other;
  }
  return a.length - b.length;
}

/** The attempts that are going on or planned, in either direction. */
export function openAttempts(saga: Saga): { step: string; direction: Direction; attempts: Attempts }[] {
  let open: { step: string; direction: Direction; attempts: Attempts }[] = [];
  for (const path in saga.steps) {
    const { forward, undo } = saga.steps[path] as StepProgress;
    if (isOpen(forward)) open = appended(open, { step: path, direction: 'forward', attempts: forward });
    if (isOpen(undo)) open = appended(open, { step: path, direction: 'undo', attempts: undo });
  }
  return open;
}

function isOpen(attempts: Attempts | undefined): attempts is Attempts {
  return attempts !== undefined && (attempts.status === 'running' || attempts.status === 'waiting');
}

type Wait = StepProgress & { readonly until: number };

/** The signals and sleeps that are not over. */
export function openWaits(saga: Saga): Wait[] {
  const waits: Wait[] = [];
  for (const path in saga.steps) {
    const step = saga.steps[path] as StepProgress;
    if (step.until !== undefined) waits.push(step as Wait);
  }
  return waits;
}

/** Whether it only waits for its time. One whose definition failed at the start waits for that instead. */
export function awaitsStart(saga: Saga): boolean {
  return (
    saga.state === 'pending' && saga.startAt !== undefined && !saga.stalls && saga.attention.length === 0
  );
}

/** When it goes on without a message, its deadline aside: the soonest attempt, wait or call; undefined when there is none. */
export function movesAt(saga: Saga): number | undefined {
  if (!actsByItself(saga)) return undefined;
  let first = awaitsStart(saga) ? saga.startAt : undefined;
  for (const path in saga.steps) {
    const { forward, undo, until } = saga.steps[path] as StepProgress;
    if (isOpen(forward)) first = sooner(first, forward.dueAt);
    if (isOpen(undo)) first = sooner(first, undo.dueAt);
    first = sooner(first, until);
  }
  if (saga.stalls) for (const { dueAt: due } of saga.stalls) first = sooner(first, due);
  return first;
}

/** When something must happen without a message: the soonest deadline or timer; undefined when there is none. */
export function dueAt(saga: Saga): number | undefined {
  return sooner(movesAt(saga), actsByItself(saga) ? saga.deadline : undefined);
}

/**
 * Promise 6: a saga that is not finished has something that will move it, or a named reason to wait for a person. Its
 * deadline alone is not enough: until then it would hang.
 */
export function isLive(saga: Saga): boolean {
  return isFinished(saga) || saga.paused || saga.attention.length > 0 || movesAt(saga) !== undefined;
}

/** Its timers stand still when it is finished, paused or held. */
export function actsByItself(saga: Saga): boolean {
  return !isFinished(saga) && !saga.paused && !isHeld(saga);
}

function sooner(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b < a ? b : a;
}
