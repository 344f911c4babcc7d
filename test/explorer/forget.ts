import type { Attempts, Saga, StepProgress } from '@counterstep/core';

/* What a saga remembers only for people, and no rule asks about: sagas that differ in nothing else go on alike. That this
   is so is not believed but checked: see alike.ts. */

const CAUSE = { code: 'C', message: 'c' };

/** What decides how the saga goes on. */
export function forget({ steps, ...shell }: Saga): Saga {
  const left = Object.entries(steps).map(([path, step]) => [path, forgetStep(step)] as const);
  return { ...forgetShell(shell), steps: Object.fromEntries(left) };
}

/** What of the whole saga is not part of a step. */
export type Shell = Omit<Saga, 'steps'>;

/** Why it failed does not decide how it goes on, but that it has a reason. */
export function forgetShell({ cause, cancelWanted, attention, ...shell }: Shell): Shell {
  return {
    ...shell,
    ...(cause && { cause: CAUSE }),
    ...(cancelWanted && { cancelWanted: CAUSE }),
    attention: attention.map((item) => ({ ...item, message: 'm' })),
  };
}

export function forgetStep({ forward, undo, ...step }: StepProgress): StepProgress {
  return {
    ...step,
    ...(forward && { forward: forgetAttempts(forward) }),
    ...(undo && { undo: forgetAttempts(undo) }),
  };
}

/** Errors are only told; once the last word is said, so is how long it took. */
function forgetAttempts<Series extends Attempts>({ error: _, ...attempts }: Series): Series {
  const isSucceeded = attempts.outcome === 'succeeded';
  const isSettled = attempts.status === 'ended' && (isSucceeded || attempts.outcome === 'rejected');
  if (!isSettled) return attempts as unknown as Series;
  const { spent: __, ...rest } = attempts;
  // After a rejection an answer may still come, and is matched with the attempts that were made.
  return { ...rest, attempt: isSucceeded ? 1 : attempts.attempt, uncertain: false } as unknown as Series;
}
