import type { RowKey } from '../row.js';
import type { Load } from './peer.js';

export interface Candidate {
  readonly name: string;
  readonly loads: readonly Load[];
}

/** One system is up, and runs these loads one after another. */
export interface Turn<System extends Candidate> {
  readonly repeat: number;
  readonly system: System;
  readonly loads: readonly Load[];
}

/**
 * Every system once per repeat, so that what drifts on the machine meets all alike; each repeat begins with another
 * system, so that none is always first. Loads whose row exists are left out, and a system with none left is not started.
 */
export function turns<System extends Candidate>(
  systems: readonly System[],
  repeats: number,
  exists: (key: RowKey) => boolean,
): Turn<System>[] {
  const plan: Turn<System>[] = [];
  for (let repeat = 1; repeat <= repeats; repeat += 1)
    for (let place = 0; place < systems.length; place += 1) {
      const system = systems[(place + repeat - 1) % systems.length];
      const loads = system?.loads.filter((load) => !exists(keyOf(system.name, load, repeat))) ?? [];
      if (system && loads.length > 0) plan.push({ repeat, system, loads });
    }
  return plan;
}

/** The same load of the same repeat has the same row in every call of a run. */
export function keyOf(system: string, { inFlight }: Load, repeat: number): RowKey & { inFlight: number } {
  return { system, workload: 'W1', inFlight, repeat };
}

/** Whether `only`, a list such as `temporal,dtm`, names this system; without a list all are named. */
export function isNamed(system: string, only: string | undefined): boolean {
  const name = system.toLowerCase().replaceAll(' ', '-');
  return only === undefined || only.split(',').some((each) => name.startsWith(each.toLowerCase()));
}
