import { closedLoops } from './closed-loops.js';
import type { Suite } from './suite.js';
import { w1 } from './w1.js';
import { w13 } from './w13.js';

/** What `npm run bench` measures, in this order. */
export const SUITES: Readonly<Record<string, Suite>> = {
  W1: w1,
  W2: closedLoops('W2', [
    { inFlight: 64, sagas: 2_000 },
    { inFlight: 1_000, sagas: 6_000 },
  ]),
  W3: closedLoops('W3', [
    { inFlight: 64, sagas: 3_000 },
    { inFlight: 1_000, sagas: 8_000 },
  ]),
  W13: w13,
};
