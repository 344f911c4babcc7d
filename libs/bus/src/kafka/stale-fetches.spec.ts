import { describe, expect, test } from '@jest/globals';
import { StaleFetches } from './stale-fetches.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('fetches of a former generation', () => {
  test('are those that were under way when the group was joined, until their batches were seen', async () => {
    const fetches = new StaleFetches();
    fetches.fetchBegan('1');
    fetches.fetchBegan('2');
    fetches.fetchEnded('2');
    expect(fetches.any).toBe(false);
    fetches.joined();
    expect(fetches.any).toBe(true);
    fetches.fetchEnded('1');
    expect(fetches.any).toBe(true);
    await turn();
    await turn();
    expect(fetches.any).toBe(false);
  });

  test('end when their node is asked anew, and after the longest time that a fetch can take', () => {
    let now = 0;
    const fetches = new StaleFetches(() => now);
    fetches.fetchBegan('1');
    fetches.joined();
    fetches.fetchBegan('1');
    expect(fetches.any).toBe(false);

    fetches.joined();
    expect(fetches.any).toBe(true);
    now = 31_000;
    expect(fetches.any).toBe(false);
  });
});
