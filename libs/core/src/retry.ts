import type { Problem } from './errors.js';
import { MAX_DURATION, Options, elementsOf, isWithin } from './options.js';
import { shown } from './problems.js';

/** How often and when a command is sent again. All times in milliseconds. */
export interface RetryPolicy {
  /** Sendings after the first; 0 means one attempt. */
  readonly maxRetries: number;
  /** Delay before the first retry. */
  readonly initialDelay: number;
  /** Each further delay is the former times this. */
  readonly backoffFactor: number;
  /** No delay is longer. */
  readonly maxDelay: number;
  /** `full` draws the delay from 0 to the computed one, so that a crowd of failures does not return as a crowd. */
  readonly jitter: 'full' | 'none';
  /** No retry begins later than so long after the first sending. */
  readonly budget?: number;
  /** Error codes after which no retry is made. */
  readonly nonRetryableCodes?: readonly string[];
}

const MAX_RETRIES = 1_000;
const RETRY_OPTIONS: readonly (keyof RetryPolicy)[] = [
  'maxRetries',
  'initialDelay',
  'backoffFactor',
  'maxDelay',
  'jitter',
  'budget',
  'nonRetryableCodes',
];

export const FORWARD_RETRY: RetryPolicy = {
  maxRetries: 3,
  initialDelay: 1_000,
  backoffFactor: 2,
  maxDelay: 60_000,
  jitter: 'full',
};

/** Undo is more patient: giving up leaves an effect standing and needs a person. */
export const UNDO_RETRY: RetryPolicy = {
  maxRetries: 10,
  initialDelay: 1_000,
  backoffFactor: 2,
  maxDelay: 300_000,
  jitter: 'full',
};

/** The policy that the later of `parts` has the say in, frozen. What a part leaves undefined is not said. */
export function retryPolicyOf(
  base: RetryPolicy,
  ...parts: (Partial<RetryPolicy> | undefined)[]
): RetryPolicy {
  let policy = base;
  for (const part of parts)
    policy = {
      ...policy,
      ...Object.fromEntries(Object.entries(part ?? {}).filter(([, value]) => value !== undefined)),
    };
  const { nonRetryableCodes: codes } = policy;
  return Object.freeze({ ...policy, ...(codes && { nonRetryableCodes: Object.freeze([...codes]) }) });
}

/**
 * Milliseconds until attempt `failedAttempt + 1`, or undefined when the policy allows no more.
 * Exponential backoff with full jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 * `random` is in [0, 1).
 */
export function retryDelay(
  policy: RetryPolicy,
  failedAttempt: number,
  random: number,
  elapsed: number,
): number | undefined {
  if (failedAttempt > policy.maxRetries) return undefined;
  // Infinity times an initial delay of 0 would be no number.
  const growth = Math.min(Number.MAX_VALUE, policy.backoffFactor ** (failedAttempt - 1));
  const ceiling = Math.min(policy.maxDelay, policy.initialDelay * growth);
  const delay = Math.round(policy.jitter === 'full' ? ceiling * random : ceiling);
  if (policy.budget !== undefined && elapsed + delay > policy.budget) return undefined;
  return delay;
}

/** The policy that a user gave, of which some may be left out. What is wrong becomes a problem, and is left out. */
export function readRetry(
  given: unknown,
  where: string,
  problems: Problem[],
  step?: string,
): Partial<RetryPolicy> {
  if (given === undefined) return {};
  const options = Options.of(given, RETRY_OPTIONS, where, problems, step);
  const policy: Record<string, unknown> = {};
  const take = (key: keyof RetryPolicy, fits: (value: unknown) => boolean, mend: string): void => {
    const value = options.raw(key);
    if (value === undefined) return;
    if (fits(value)) policy[key] = value;
    else options.wrong('RETRY_OUT_OF_BOUNDS', `${where}: ${key} is ${shown(value)}`, mend);
  };
  const isTime = (value: unknown): boolean => isWithin(value, 0, MAX_DURATION);
  take(
    'maxRetries',
    (value) => Number.isInteger(value) && isWithin(value, 0, MAX_RETRIES),
    `use a whole number from 0 to ${MAX_RETRIES}`,
  );
  for (const key of ['initialDelay', 'maxDelay', 'budget'] as const)
    take(key, isTime, `use 0 to ${MAX_DURATION} milliseconds`);
  take('backoffFactor', (value) => isWithin(value, 1, 100), 'use 1 to 100');
  take('jitter', (value) => value === 'full' || value === 'none', "use 'full' or 'none'");
  const isCode = (code: unknown): boolean => typeof code === 'string';
  take(
    'nonRetryableCodes',
    (value) => elementsOf(value)?.every(isCode) ?? false,
    "pass a list, such as ['CARD_DECLINED']",
  );
  return policy;
}
