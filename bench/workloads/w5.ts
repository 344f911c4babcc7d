import { setTimeout as delay } from 'node:timers/promises';
import { action, undo } from './workload.js';
import type { Workload } from './workload.js';
import { w1 } from './w1.js';

const HANDLER_MS = 50;

export const w5: Workload = {
  ...w1,
  name: 'W5',
  title: `3 steps of ${HANDLER_MS} ms, 5,000 sagas in flight`,
  handlers: (barrier) => [
    ...['bench.one', 'bench.two', 'bench.three'].map((name) =>
      action(barrier, name, () => delay(HANDLER_MS)),
    ),
    undo(barrier),
  ],
};
