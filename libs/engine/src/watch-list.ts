import { openAttempts, openWaits } from '@counterstep/core';
import type { AttemptName, Attempts, Saga } from '@counterstep/core';

/** What is due at a time that is known. */
export interface Planned {
  /** Changes with what it stands for. */
  readonly what: string;
  readonly at: number;
}

/** A command that is out. */
export interface RunningAttempt {
  readonly step: string;
  readonly direction: AttemptName['direction'];
  readonly attempts: Attempts & { readonly dueAt: number };
}

/** The saga's own deadline aside. */
export function plannedOf(saga: Saga): Planned[] {
  const planned: Planned[] = [];
  const plan = (what: string, at: number | undefined): void => {
    if (at !== undefined) planned.push({ what: `${what} at ${at}`, at });
  };
  for (const { step, direction, attempts } of openAttempts(saga))
    if (attempts.status === 'waiting') plan(`retry of ${step} ${direction}`, attempts.dueAt);
  for (const { path, until } of openWaits(saga)) plan(`wait of ${path}`, until);
  for (const { step, dueAt: at } of saga.stalls ?? []) plan(`stall of ${step}`, at);
  if (saga.state === 'pending') plan('start', saga.startAt);
  return planned;
}

export function runningOf(saga: Saga): RunningAttempt[] {
  return openAttempts(saga).filter((open): open is RunningAttempt => isRunning(open.attempts));
}

/** The attempt as the saga has it now; undefined when it is over. */
export function runningNow(saga: Saga, running: RunningAttempt): RunningAttempt['attempts'] | undefined {
  const { step, direction, attempts } = running;
  const now = saga.steps[step]?.[direction];
  const isSame = now?.run === attempts.run && now.attempt === attempts.attempt;
  return isSame && isRunning(now) ? now : undefined;
}

export function nameOf({ step, direction, attempts: { run, attempt } }: RunningAttempt): AttemptName {
  return { step, direction, run, attempt };
}

export function isNamed({ step, direction, attempts }: RunningAttempt, name: AttemptName): boolean {
  const { run, attempt } = attempts;
  return step === name.step && direction === name.direction && run === name.run && attempt === name.attempt;
}

function isRunning(attempts: Attempts): attempts is RunningAttempt['attempts'] {
  return attempts.status === 'running' && attempts.dueAt !== undefined;
}
