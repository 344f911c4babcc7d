import { setTimeout as delay } from 'node:timers/promises';

type Falsy = undefined | null | false;

export interface WaitOptions {
  /** What is waited for, in words: "the saga is compensated". Stands in the error. */
  what: string;
  /** Milliseconds until it gives up; 15,000 by default. */
  timeoutMs?: number;
  /** Milliseconds between two looks; 25 by default. */
  everyMs?: number;
}

/**
 * Looks at a fact again and again until it is there, and returns it. A fact that throws counts as not there yet.
 * Rejects after `timeoutMs` with an error that names `what` and the last thing seen, be it a value or an error.
 */
export async function waitFor<T>(
  fact: () => T | Falsy | Promise<T | Falsy>,
  { what, timeoutMs = 15_000, everyMs = 25 }: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let seen: unknown;
    try {
      const value = await withDeadline(fact(), deadline);
      if (value !== undefined && value !== null && value !== false) return value;
      seen = value;
    } catch (error) {
      seen = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms for: ${what}; last seen: ${show(seen)}`, { cause: seen });
    }
    await delay(everyMs);
  }
}

/** So that a fact that never settles still ends with the message that says what was waited for. */
async function withDeadline<T>(value: T | Promise<T>, deadline: number): Promise<T> {
  if (!(value instanceof Promise)) return value;
  const stop = new AbortController();
  const late = delay(Math.max(0, deadline - performance.now()), undefined, { signal: stop.signal }).then(
    () => {
      throw new Error('the look at the fact did not end');
    },
  );
  try {
    return await Promise.race([value, late]);
  } finally {
    late.catch(() => undefined);
    stop.abort();
  }
}

function show(seen: unknown): string {
  if (seen instanceof Error) return `${seen.name}: ${seen.message}`;
  try {
    return JSON.stringify(seen) ?? String(seen);
  } catch {
    return String(seen);
  }
}
