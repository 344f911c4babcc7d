import { flames } from './flames.js';
import { loops } from './loops.js';
import type { Suite } from './suite.js';
import { w1 } from './w1.js';
import { w13 } from './w13.js';
import { w7 } from './w7.js';
import { w8 } from './w8.js';
import { w9 } from './w9.js';

/** What `npm run bench` measures, in this order. */
export const SUITES: Readonly<Record<string, Suite>> = {
  W1: w1,
  W2: loops({
    workload: 'W2',
    closed: [
      { inFlight: 64, sagas: 2_000 },
      { inFlight: 1_000, sagas: 6_000 },
    ],
  }),
  W3: loops({
    workload: 'W3',
    closed: [
      { inFlight: 64, sagas: 3_000 },
      { inFlight: 1_000, sagas: 8_000 },
    ],
  }),
  W4: loops({
    workload: 'W4',
    closed: [
      { inFlight: 64, sagas: 1_500 },
      { inFlight: 500, sagas: 4_000 },
    ],
  }),
  W5: loops({
    workload: 'W5',
    closed: [{ inFlight: 5_000, sagas: 30_000 }],
    // The handlers only wait, so they need no connection each: no barrier, and as many at a time as there are sagas.
    setup: { barrier: 'none', concurrency: 5_000 },
  }),
  W6: loops({
    workload: 'W6',
    closed: [
      { inFlight: 64, sagas: 2_000 },
      { inFlight: 1_000, sagas: 10_000 },
    ],
  }),
  W7: w7,
  W8: w8,
  W9: w9,
  W13: w13,
  flames,
};
