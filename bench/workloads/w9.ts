import { action, undo } from './workload.js';
import type { Workload } from './workload.js';
import { w1 } from './w1.js';

/** The workers' own table, without a constraint: what is done twice shows twice. */
export const EFFECTS = 'CREATE TABLE effect (key text NOT NULL)';
const INSERT = 'INSERT INTO effect (key) VALUES ($1)';

export const w9: Workload = {
  ...w1,
  name: 'W9',
  title: '3 steps that write to a table, while a process is killed',
  handlers: (barrier) => [
    ...['bench.one', 'bench.two', 'bench.three'].map((name) =>
      action(barrier, name, ({ tx, effectKey }) => tx.query(INSERT, [effectKey])),
    ),
    undo(barrier),
  ],
};
