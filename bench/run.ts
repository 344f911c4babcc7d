import { readFacts, readRows, hasRow, writeFact, writeRow } from './row.js';
import type { Row, RowKey } from './row.js';
import { SYSTEM } from './measure.js';
import type { Servers } from './servers.js';
import { machineWith } from './version.js';

/** One run: what is measured goes to its folder, and what is there already is not measured again. */
export class Run {
  constructor(
    readonly id: string,
    readonly repeats: number,
    /** Makes every load so much longer or shorter. */
    readonly scale: number,
  ) {}

  /** A number of sagas, scaled, and at least `least`. */
  scaled(sagas: number, least = 1): number {
    return Math.max(least, Math.round(sagas * this.scale));
  }

  /** The row of that key: measured now, unless the run has it. */
  async row(key: Omit<RowKey, 'system'>, measured: () => Promise<Row>): Promise<Row> {
    const whole = { system: SYSTEM, ...key };
    if (!hasRow(this.id, whole)) {
      const row = await measured();
      writeRow(this.id, row);
      print(row);
      return row;
    }
    const found = this.rows(key.workload).find((row) => row.repeat === key.repeat && isSame(row, whole));
    if (!found) throw new Error(`the row of ${JSON.stringify(whole)} is there, and is another`);
    return found;
  }

  /** Our own rows of a workload so far. */
  rows(workload: string): Row[] {
    return readRows(this.id).filter((row) => row.system === SYSTEM && row.workload === workload);
  }

  /** Sagas per second that the closed loops of a workload, or of its variant, reached in this run; undefined when it has none. */
  best(workload = 'W1', variant?: string): number | undefined {
    const closed = this.rows(workload).filter((row) => row.variant === variant);
    return closed.length > 0 ? Math.max(...closed.map(({ sagasPerSecond }) => sagasPerSecond)) : undefined;
  }

  /** Another fact, such as a limit, made once; undefined is not kept. */
  async fact<T>(name: string, made: () => Promise<T>): Promise<void> {
    const file = `${name}.json`;
    if (readFacts(this.id).some((each) => each.file === file)) return;
    const fact = await made();
    writeFact(this.id, file, fact);
    console.log(name, fact);
  }

  noteMachine(servers: Servers): void {
    writeFact(this.id, 'machine.json', machineWith(servers));
  }
}

function isSame(row: RowKey, key: RowKey): boolean {
  return row.variant === key.variant && row.inFlight === key.inFlight;
}

function print(row: Row): void {
  const { workload, variant, inFlight, repeat, sagasPerSecond, sagaMs, stepMs, lateMs, cpuSeconds, rssMb } =
    row;
  const load = [workload, variant, inFlight === undefined ? '' : `${inFlight} in flight`, `#${repeat}`];
  const cpu = Object.values(cpuSeconds).reduce((sum, each) => sum + each, 0);
  const figures = [
    `${sagasPerSecond} sagas/s`,
    `saga ${sagaMs.p50}/${sagaMs.p99}/${sagaMs.p999} ms`,
    ...(lateMs ? [`starts late by ${lateMs.p50}/${lateMs.p99} ms`] : []),
    ...(stepMs ? [`step ${stepMs.p50}/${stepMs.p99}/${stepMs.p999} ms`] : []),
    ...(cpu > 0 ? [`CPU ${((cpu / row.completed) * 1_000).toFixed(2)} s per 1,000`] : []),
    ...(rssMb['orchestrator'] === undefined ? [] : [`orchestrator ${rssMb['orchestrator']} MB`]),
    ...Object.entries(row.figures ?? {}).map(([name, figure]) => `${name} ${figure}`),
    ...(row.notes ?? []),
  ];
  console.log(`${load.filter(Boolean).join(' ')}: ${figures.join(', ')}`);
}
