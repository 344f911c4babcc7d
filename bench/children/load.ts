import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { SagaState } from '@counterstep/protocol';
import type { Quantiles } from '../row.js';
import { Latencies, delayQuantiles } from './latencies.js';

/** A closed loop keeps `inFlight` sagas under way; an open loop starts `rate` in each second, whatever becomes of them. */
export type LoadOrder = { readonly sagas: number } & (
  | { readonly inFlight: number; readonly rate?: undefined }
  | { readonly rate: number; readonly inFlight?: undefined }
);

export interface LoadResult {
  /** From the first start to the last end. */
  readonly seconds: number;
  /** By the state that they ended in. */
  readonly ended: Readonly<Partial<Record<SagaState, number>>>;
  /** From the start, of an open loop from the moment that it was meant for. */
  readonly sagaMs: Quantiles;
  /** From the reply before, or the start, until the reply that settles the step; as the orchestrator gets them. */
  readonly stepMs: Quantiles;
  /** How late an open loop was with its starts. */
  readonly lateMs: Quantiles;
  readonly eventLoopDelayMs: Quantiles;
}

/** Nothing has ended for so long: the load has failed. W7's sagas end two minutes after they began, and all of them late. */
const STALLED_MS = 240_000;

interface UnderWay {
  readonly since: number;
  last: number;
  settled: number;
}

/** Starts sagas and takes their times. One load at a time. */
export class Load {
  private readonly underWay = new Map<string, UnderWay>();
  private sagaMs = new Latencies();
  private stepMs = new Latencies();
  private lateMs = new Latencies();
  private ended: Partial<Record<SagaState, number>> = {};
  private onEnded: () => void = () => undefined;

  /** `together`: steps that each saga begins with, side by side. */
  constructor(
    private readonly start: () => Promise<string>,
    private readonly together = 1,
  ) {}

  /** The reply that settles a step of this saga came in: none that is followed by another attempt. */
  settled(sagaId: string): void {
    const saga = this.underWay.get(sagaId);
    if (!saga) return;
    const now = performance.now();
    saga.settled += 1;
    this.stepMs.record(now - (saga.settled <= this.together ? saga.since : saga.last));
    saga.last = now;
  }

  /** The saga ended. */
  finished(sagaId: string, state: SagaState): void {
    const saga = this.underWay.get(sagaId);
    if (!saga) return;
    this.underWay.delete(sagaId);
    this.sagaMs.record(performance.now() - saga.since);
    this.ended[state] = (this.ended[state] ?? 0) + 1;
    this.onEnded();
  }

  /** Resolves when all have ended. Rejects when one cannot be started, or none ends for two minutes. */
  async run(order: LoadOrder): Promise<LoadResult> {
    [this.sagaMs, this.stepMs, this.lateMs] = [new Latencies(), new Latencies(), new Latencies()];
    this.ended = {};
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const begin = performance.now();
    try {
      await (order.rate === undefined
        ? this.closed(order.sagas, order.inFlight)
        : this.open(order.sagas, order.rate, begin));
    } finally {
      delays.disable();
    }
    return {
      seconds: (performance.now() - begin) / 1_000,
      ended: this.ended,
      sagaMs: this.sagaMs.quantiles(),
      stepMs: this.stepMs.quantiles(),
      lateMs: this.lateMs.quantiles(),
      eventLoopDelayMs: delayQuantiles(delays),
    };
  }

  private closed(sagas: number, inFlight: number): Promise<void> {
    let begun = 0;
    return this.untilAllEnded(sagas, (reject) => {
      const next = (): void => {
        if (begun >= sagas) return;
        begun += 1;
        this.begin(performance.now()).catch(reject);
      };
      this.onEnded = next;
      for (let i = 0; i < inFlight; i += 1) next();
    });
  }

  private open(sagas: number, rate: number, from: number): Promise<void> {
    let begun = 0;
    return this.untilAllEnded(sagas, (reject) => {
      const tick = (): void => {
        const now = performance.now();
        for (; begun < sagas; begun += 1) {
          const intended = from + (begun * 1_000) / rate;
          if (intended > now) break;
          this.lateMs.record(now - intended);
          this.begin(intended).catch(reject);
        }
        if (begun < sagas) setTimeout(tick, 1);
      };
      tick();
    });
  }

  private async begin(since: number): Promise<void> {
    const sagaId = await this.start();
    // Committed, but nothing of it has been on the network yet: no reply and no end can have come before this.
    this.underWay.set(sagaId, { since, last: since, settled: 0 });
  }

  private async untilAllEnded(
    sagas: number,
    begin: (reject: (error: unknown) => void) => void,
  ): Promise<void> {
    let seen = 0;
    let watch: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        begin(reject);
        const next = this.onEnded;
        this.onEnded = () => {
          if (this.sagaMs.count === sagas) resolve();
          else next();
        };
        watch = setInterval(() => {
          if (this.sagaMs.count === seen)
            reject(new Error(`${seen} of ${sagas} sagas ended, and none for ${STALLED_MS / 1_000} s`));
          seen = this.sagaMs.count;
        }, STALLED_MS);
      });
    } finally {
      clearInterval(watch);
      this.onEnded = () => undefined;
    }
  }
}
