import { w1 } from './w1.js';
import { w2 } from './w2.js';
import { w3 } from './w3.js';
import { w4 } from './w4.js';
import { w5 } from './w5.js';
import { w6 } from './w6.js';
import { w7 } from './w7.js';
import { w9 } from './w9.js';
import type { Workload } from './workload.js';

/** The same work under other circumstances. */
const w8: Workload = { ...w1, name: 'W8', title: 'W1 beside a million finished sagas' };
const w13: Workload = { ...w1, name: 'W13', title: 'one saga of W1 each second' };

const WORKLOADS: readonly Workload[] = [w1, w2, w3, w4, w5, w6, w7, w8, w9, w13];

/** The workload of that name; throws when there is none. */
export function workloadNamed(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (!found) throw new Error(`no workload ${name}; there are ${WORKLOADS.map((w) => w.name).join(', ')}`);
  return found;
}
