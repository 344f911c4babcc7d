import { readFileSync, readdirSync } from 'node:fs';

/** What processes use, from /proc; on systems without it every figure is 0. */

/** CPU seconds that the process and all below it have used. */
export function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const processes = processTable();
  return withDescendants(pid, processes).reduce((sum, each) => sum + (processes.get(each)?.seconds ?? 0), 0);
}

/**
 * Resident MiB of the process: the most it ever had; with children, what all of them have now, shared memory counted
 * once.
 */
export function rssMb(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const family = withDescendants(pid, processTable());
  const kib =
    family.length === 1
      ? kibOf(`/proc/${pid}/status`, 'VmHWM')
      : family.reduce((sum, each) => sum + kibOf(`/proc/${each}/smaps_rollup`, 'Pss'), 0);
  return Math.round(kib / 1_024);
}

interface Stat {
  readonly parent: number;
  readonly seconds: number;
}

function processTable(): Map<number, Stat> {
  const table = new Map<number, Stat>();
  for (const name of read(() => readdirSync('/proc')) ?? []) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat) table.set(Number(name), stat);
  }
  return table;
}

function withDescendants(pid: number, processes: ReadonlyMap<number, Stat>): number[] {
  const children = new Map<number, number[]>();
  for (const [each, { parent }] of processes) children.set(parent, [...(children.get(parent) ?? []), each]);
  const family = [pid];
  for (const each of family) family.push(...(children.get(each) ?? []));
  return family;
}

function statOf(pid: number): Stat | undefined {
  const fields = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')) ?? [];
  if (fields.length === 0) return undefined;
  // Fields 4, 14, 15, 16 and 17 of proc(5): parent, own and waited-for children's user and system time, in ticks of 10 ms.
  return {
    parent: Number(fields[1]),
    seconds: (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) / 100,
  };
}

function kibOf(file: string, field: string): number {
  const line = read(() => readFileSync(file, 'utf8'))
    ?.split('\n')
    .find((each) => each.startsWith(`${field}:`));
  return Number(line?.split(/\s+/)[1] ?? 0);
}

/** A process may be gone when it is looked at. */
function read<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
