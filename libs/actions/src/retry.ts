import { setTimeout as wait } from 'node:timers/promises';

export interface RetryPolicy {
  /** How often what failed is tried again. */
  readonly retries: number;
  /** Milliseconds before the second attempt, at most: a random share of it, doubled for each further one. */
  readonly firstDelayMs: number;
}

const LONGEST_DELAY_MS = 10_000;

/**
 * Does the work until it succeeds. Rejects with what the last attempt threw: the one after which no retry is left, or which
 * says `retryable: false`; or with the signal's reason, at once.
 */
export async function retrying<T>(
  { retries, firstDelayMs }: RetryPolicy,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (thrown) {
      signal?.throwIfAborted();
      if (attempt >= retries || (thrown as { retryable?: unknown } | null)?.retryable === false) throw thrown;
    }
    const longest = Math.min(firstDelayMs * 2 ** attempt, LONGEST_DELAY_MS);
    await pause(Math.random() * longest, signal);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await wait(ms, undefined, signal ? { signal } : {});
  } catch {
    // Its error says only that it was aborted; the next attempt throws why.
  }
}
