import type { Flame } from '../flame.js';
import type { Limit, LimitName } from '../limits/limit.js';
import { SYSTEM } from '../row.js';
import type { Row } from '../row.js';
import type { Machine } from '../version.js';
import { median, summarize } from './summary.js';
import type { Summary } from './summary.js';

/** A system that could not be measured, and why. */
export interface Absent {
  readonly system: string;
  readonly version: string;
  readonly absent: string;
}

/** All that the report is made from. */
export class Results {
  private readonly own: readonly Summary[];
  /** Of the run that measured the peers, ours beside them: only these are compared with each other. */
  private readonly beside: readonly Summary[];

  constructor(
    rows: readonly Row[],
    rowsBesidePeers: readonly Row[] = [],
    readonly limits: readonly Limit[] = [],
    readonly absent: readonly Absent[] = [],
    readonly machine?: Machine,
    /** By process. */
    readonly flames: Readonly<Record<string, Flame>> = {},
  ) {
    this.own = summarize(rows.filter(({ system }) => system === SYSTEM));
    this.beside = summarize(rowsBesidePeers);
  }

  /** Our own summaries of a workload; closed loops by their size. */
  of(workload: string): Summary[] {
    const found = this.own.filter((summary) => summary.workload === workload);
    return found.toSorted((a, b) => (a.inFlight ?? Infinity) - (b.inFlight ?? Infinity));
  }

  variant(workload: string, variant: string): Summary | undefined {
    return this.own.find((summary) => summary.workload === workload && summary.variant === variant);
  }

  /** W1's closed loops over Kafka, by their size. */
  closedLoops(): Summary[] {
    return this.of('W1').filter(({ variant }) => variant === undefined);
  }

  /** The closed loop of W1 with the most completed sagas per second. */
  best(): Summary | undefined {
    return fastest(this.closedLoops());
  }

  /** W1 with so many in flight. */
  closed(inFlight: number): Summary | undefined {
    return this.closedLoops().find((summary) => summary.inFlight === inFlight);
  }

  /** The systems that were measured side by side, in the order of their speed. */
  systems(): string[] {
    const names = [...new Set(this.beside.map(({ system }) => system))];
    const speed = (name: string): number => this.bestBeside(name)?.sagasPerSecond ?? 0;
    return names.toSorted((a, b) => speed(b) - speed(a));
  }

  /** A system's W1 at its best concurrency, in the run that measured all. */
  bestBeside(system: string): Summary | undefined {
    return fastest(this.besideRows(system));
  }

  closedBeside(system: string, inFlight: number): Summary | undefined {
    return this.besideRows(system).find((summary) => summary.inFlight === inFlight);
  }

  /** A figure of a limit, the median of its repeats; undefined when it was not measured. */
  limit(name: LimitName, figure: string): number | undefined {
    const found = this.limits.flatMap(({ limit, figures }) =>
      limit === name ? (figures[figure] ?? []) : [],
    );
    return found.length === 0 ? undefined : median(found);
  }

  private besideRows(system: string): Summary[] {
    return this.beside.filter((summary) => summary.system === system && summary.workload === 'W1');
  }
}

function fastest(summaries: readonly Summary[]): Summary | undefined {
  return summaries.toSorted((a, b) => b.sagasPerSecond - a.sagasPerSecond)[0];
}
