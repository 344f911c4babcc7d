import type { Clock } from '@counterstep/engine';

/** Time that passes when a test says so. It begins at zero. */
export class VirtualClock implements Clock {
  private time = 0;
  private readonly timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return this.time;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + Math.max(0, ms), run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Milliseconds until the next timer is due; Infinity when there is none. */
  untilNext(): number {
    return Math.min(...[...this.timers].map(({ at }) => at)) - this.time;
  }

  /** Lets so many milliseconds pass; what is due meanwhile runs in order, each at its time. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      const [next] = due;
      if (!next) break;
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
}
