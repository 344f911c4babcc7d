import { ValidationError, factsOf } from '@counterstep/core';
import type { Asked, SagaEvent } from '@counterstep/core';
import { findJsonProblem, storableText } from '@counterstep/protocol';

/** What a caller says in a signal. */
export interface SignalOfCaller {
  /** Of two signals with one id, one counts. A new one by default. */
  readonly id?: string;
  readonly data?: unknown;
  readonly actor?: string;
}

/** Who and why, as it may be stored. */
export function storableWords({ actor, reason }: Asked): Asked {
  return {
    ...(actor !== undefined && { actor: storableText(actor, 200) }),
    ...(reason !== undefined && { reason: storableText(reason, 1_000) }),
  };
}

/** As `storableWords`; throws `ValidationError` when the reason, or the actor where one is needed, is missing. */
export function reasoned(asked: Asked, needsActor = false): Asked {
  const words = storableWords(asked);
  if (!words.reason?.trim())
    throw new ValidationError('REASON_MISSING', 'say why: the reason stays in the history');
  if (needsActor && !words.actor?.trim())
    throw new ValidationError('ACTOR_MISSING', 'say who decides: the actor stays in the history');
  return words;
}

/** Throws `ValidationError` (`SIGNAL_INVALID`) when it holds what cannot be stored. */
export function storableSignal(signal: {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  readonly actor: string | undefined;
}): Omit<Extract<SagaEvent, { type: 'signal' }>, 'type'> {
  const { id, name, data, actor } = signal;
  const { copy, problem } = storable([id, name, data ?? null]);
  if (problem !== undefined || id === '' || id.length > 200)
    throw new ValidationError('SIGNAL_INVALID', problem ?? 'the id of a signal has 1 to 200 characters');
  return {
    id,
    name,
    ...(data !== undefined && { data: copy?.at(-1) }),
    ...(actor !== undefined && { actor: storableText(actor, 200) }),
  };
}

/** A copy as JSON gives it back, or why there is none. */
function storable(parts: readonly unknown[]): { copy?: readonly unknown[]; problem?: string } {
  try {
    const problem = findJsonProblem(parts);
    if (problem) return { problem: problem.message };
    return { copy: JSON.parse(JSON.stringify(parts)) as readonly unknown[] };
  } catch (error) {
    return { problem: factsOf(error).message };
  }
}
