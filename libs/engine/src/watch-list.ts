import { dueAt, isFinished, openAttempts, openWaits } from '@counterstep/core';
import type { AttemptName, Saga } from '@counterstep/core';

/** A command that is out. */
export interface RunningAttempt extends AttemptName {
  readonly key: string;
  readonly sentAt: number;
  readonly dueAt: number;
}

/** What the timers have to know of a saga as it is. */
export interface WatchList {
  readonly saga: Saga;
  /** When the saga is due. */
  readonly due: number;
  /** What is due at a time that is known, by a key that changes with what it stands for. */
  readonly planned: readonly { readonly key: string; readonly at: number }[];
  readonly running: readonly RunningAttempt[];
}

/** Undefined when nothing is due: the saga is finished, paused or held, or only a message or a person moves it. */
export function watchListOf(saga: Saga): WatchList | undefined {
  const due = isFinished(saga) ? undefined : dueAt(saga);
  if (due === undefined) return undefined;
  const planned: { key: string; at: number }[] = [];
  const running: RunningAttempt[] = [];
  const plan = (what: string, at: number | undefined): void => {
    if (at !== undefined) planned.push({ key: `${what} at ${at}`, at });
  };
  for (const { step, direction, attempts } of openAttempts(saga)) {
    const { run, attempt, sentAt, dueAt: at, status } = attempts;
    if (status === 'waiting') plan(`retry of ${step} ${direction}`, at);
    else if (at !== undefined) {
      const key = keyOf({ step, direction, run, attempt });
      running.push({ key, step, direction, run, attempt, sentAt, dueAt: at });
    }
  }
  for (const { path, until } of openWaits(saga)) plan(`wait of ${path}`, until);
  for (const { step, dueAt: at } of saga.stalls ?? []) plan(`stall of ${step}`, at);
  if (saga.state === 'pending') plan('start', saga.startAt);
  return { saga, due, planned, running };
}

export function keyOf({ step, direction, run, attempt }: AttemptName): string {
  return `${direction}/${run}/${attempt}/${step}`;
}
