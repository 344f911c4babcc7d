import type { Delivery } from './bus.js';
import type { Handed, PartitionProgress } from './progress.js';

/** A delivery that tells the progress of its partition when it is acknowledged. */
export class TrackedDelivery implements Delivery, Handed {
  settled = false;
  readonly #progress: PartitionProgress;

  constructor(
    progress: PartitionProgress,
    readonly topic: string,
    readonly partition: number,
    readonly position: number,
    readonly key: string | null,
    readonly value: Uint8Array | null,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    this.#progress = progress;
  }

  get offset(): string {
    return String(this.position);
  }

  /** Bound, so that it may be passed on alone; made when it is asked for, as thousands of deliveries wait at full load. */
  get ack(): () => void {
    return () => {
      this.#progress.acknowledge(this);
    };
  }
}
