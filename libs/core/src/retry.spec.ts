import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FORWARD_RETRY, UNDO_RETRY, retryDelay, retryPolicyOf } from './retry.js';

describe('the delay of a retry', () => {
  it('grows by the factor up to the cap, with full jitter from the given random number', () => {
    const delays = (random: number) => [1, 2, 3].map((n) => retryDelay(FORWARD_RETRY, n, random, 0));
    expect(delays(0.999_999_9)).toEqual([1_000, 2_000, 4_000]);
    expect(delays(0.5)).toEqual([500, 1_000, 2_000]);
    expect(delays(0)).toEqual([0, 0, 0]);
    expect(retryDelay(UNDO_RETRY, 10, 0.999_999_9, 0)).toBe(300_000);
    expect(retryDelay({ ...FORWARD_RETRY, jitter: 'none', maxDelay: 1_500 }, 2, 0, 0)).toBe(1_500);
  });

  it('is none after the last retry', () => {
    expect([3, 4].map((n) => retryDelay(FORWARD_RETRY, n, 0.5, 0))).toEqual([2_000, undefined]);
    expect([10, 11].map((n) => retryDelay(UNDO_RETRY, n, 0, 0))).toEqual([0, undefined]);
    expect(retryDelay({ ...FORWARD_RETRY, maxRetries: 0 }, 1, 0, 0)).toBeUndefined();
  });

  it('is a number, however long the series', () => {
    const policy = { ...FORWARD_RETRY, maxRetries: 1_000, initialDelay: 0, backoffFactor: 100 };
    expect(retryDelay(policy, 1_000, 0.5, 0)).toBe(0);
    expect(retryDelay({ ...policy, initialDelay: 1 }, 1_000, 0.5, 0)).toBe(30_000);
  });

  it('lets no retry begin after the budget', () => {
    const policy = { ...FORWARD_RETRY, jitter: 'none', budget: 3_000 } as const;
    expect(retryDelay(policy, 1, 0, 2_000)).toBe(1_000);
    expect(retryDelay(policy, 1, 0, 2_001)).toBeUndefined();
    expect(retryDelay({ ...policy, budget: 0 }, 1, 0, 0)).toBeUndefined();
  });

  it('is whole milliseconds within the cap and the budget, whatever the policy', () => {
    const policies = fc.record({
      maxRetries: fc.nat({ max: 1_000 }),
      initialDelay: fc.double({ min: 0, max: 1e9, noNaN: true }),
      backoffFactor: fc.double({ min: 1, max: 100, noNaN: true }),
      maxDelay: fc.nat(),
      jitter: fc.constantFrom('full' as const, 'none' as const),
      budget: fc.nat(),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        policies,
        fc.integer({ min: 1, max: 1_001 }),
        random,
        fc.nat(),
        (policy, n, dice, elapsed) => {
          const delay = retryDelay(policy, n, dice, elapsed);
          if (n > policy.maxRetries) expect(delay).toBeUndefined();
          if (delay === undefined) return;
          expect(Number.isInteger(delay) && delay >= 0 && delay <= policy.maxDelay).toBe(true);
          expect(elapsed + delay).toBeLessThanOrEqual(policy.budget);
        },
      ),
    );
  });
});

describe('a policy', () => {
  it('is three retries forward and ten of an undo, from 1 s by the factor 2, up to 60 s and 5 min', () => {
    const shape = { initialDelay: 1_000, backoffFactor: 2, jitter: 'full' };
    expect(FORWARD_RETRY).toEqual({ ...shape, maxRetries: 3, maxDelay: 60_000 });
    expect(UNDO_RETRY).toEqual({ ...shape, maxRetries: 10, maxDelay: 300_000 });
  });

  it('takes each part from whoever said it last, and what nobody said from the default', () => {
    const policy = retryPolicyOf(FORWARD_RETRY, { maxRetries: 5, budget: 9 }, undefined, {
      maxRetries: 7,
      ...({ budget: undefined } as object),
    });
    expect(policy).toEqual({ ...FORWARD_RETRY, maxRetries: 7, budget: 9 });
  });

  it('is frozen, and apart from the list that it was made of', () => {
    const nonRetryableCodes = ['A'];
    const policy = retryPolicyOf(FORWARD_RETRY, { nonRetryableCodes });
    nonRetryableCodes.push('B');
    expect(policy.nonRetryableCodes).toEqual(['A']);
    expect([policy, policy.nonRetryableCodes].every(Object.isFrozen)).toBe(true);
  });
});
