import { createHistogram } from 'node:perf_hooks';
import type { IntervalHistogram, RecordableHistogram } from 'node:perf_hooks';
import type { Quantiles } from '../row.js';

const MICROSECONDS = 1_000;
const NANOSECONDS = 1_000_000;

/** Times by count, as Node's HdrHistogram keeps them: three digits, up to an hour, whatever their number. */
export class Latencies {
  private readonly histogram: RecordableHistogram = createHistogram({
    lowest: 1,
    highest: 3_600_000_000,
    figures: 3,
  });

  record(ms: number): void {
    this.histogram.record(Math.max(1, Math.round(ms * MICROSECONDS)));
  }

  get count(): number {
    return this.histogram.count;
  }

  /** All 0 when nothing was recorded. */
  quantiles(): Quantiles {
    return quantilesOf(this.histogram, MICROSECONDS);
  }
}

/** Of the event loop's delays, which Node counts in nanoseconds. */
export function delayQuantiles(histogram: IntervalHistogram): Quantiles {
  return quantilesOf(histogram, NANOSECONDS);
}

function quantilesOf(histogram: IntervalHistogram | RecordableHistogram, unitsPerMs: number): Quantiles {
  const at = (percent: number): number =>
    histogram.count === 0 ? 0 : Number((histogram.percentile(percent) / unitsPerMs).toFixed(2));
  return { p50: at(50), p99: at(99), p999: at(99.9), max: at(100) };
}
