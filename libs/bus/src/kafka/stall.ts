/** One partition as a probe found it. */
export interface Probe {
  readonly name: string;
  /** Below it everything is acknowledged. */
  readonly position: number;
  readonly end: number;
  /** Handed out and not acknowledged. */
  readonly outstanding: number;
}

/**
 * Tells a consumer that has stopped fetching from one that waits for its handler: there is more to read, nothing is
 * handed out and open, and the position has not moved for so many probes in a row.
 */
export class StallWatch {
  readonly #probes: number;
  #seen = new Map<string, { position: number; times: number }>();

  constructor(probes: number) {
    this.#probes = probes;
  }

  /** The reason when a partition is stalled. */
  observe(probes: readonly Probe[]): string | undefined {
    const seen = new Map<string, { position: number; times: number }>();
    let stalled: string | undefined;
    for (const { name, position, end, outstanding } of probes) {
      if (outstanding > 0 || position >= end) continue;
      const before = this.#seen.get(name);
      const times = before?.position === position ? before.times + 1 : 0;
      seen.set(name, { position, times });
      if (times >= this.#probes)
        stalled = `${name} stands at ${position} of ${end} though all was acknowledged`;
    }
    this.#seen = seen;
    return stalled;
  }
}
