import type { Delivery } from '../bus.js';

/** What may go wrong on purpose. Chances lie between 0 and 1; what is absent does not happen. */
export interface MemoryFaults {
  /** The chance that a delivery is handed over twice. */
  duplicate?: number;
  /** Every n-th delivery is handed over twice, counted per broker. */
  duplicateEvery?: number;
  /** The chance that a partition pauses before a delivery, for up to `ms` milliseconds. Order within the partition stays. */
  delay?: { chance: number; ms: number };
  /** The chance that a delivery is held back and comes `redeliverAfterMs` later, after messages that follow it. */
  drop?: { chance: number; redeliverAfterMs: number };
  /** The chance that a delivery never comes, though its position is passed: a broker that lost a message. */
  lose?: number;
}

/** Runs `task` after so many milliseconds. */
export type Later = (task: () => void, ms: number) => void;

/** What the faults decide for one delivery. */
export type Fate = 'deliver' | 'duplicate' | 'drop' | 'lose' | { pauseMs: number };

/** Draws what happens to each delivery; the same random numbers give the same faults. */
export class FaultDice {
  #count = 0;

  constructor(readonly random: () => number) {}

  /** `paused` says that the pause for this delivery was already taken. */
  fate(faults: MemoryFaults, paused: boolean): Fate {
    if (!paused) {
      this.#count++;
      if (faults.delay !== undefined && this.random() < faults.delay.chance) {
        return { pauseMs: Math.ceil(this.random() * faults.delay.ms) };
      }
    }
    if (faults.lose !== undefined && this.random() < faults.lose) return 'lose';
    if (faults.drop !== undefined && this.random() < faults.drop.chance) return 'drop';
    if (faults.duplicateEvery !== undefined && this.#count % faults.duplicateEvery === 0) return 'duplicate';
    if (faults.duplicate !== undefined && this.random() < faults.duplicate) return 'duplicate';
    return 'deliver';
  }
}

/** The same message once more; acknowledging either acknowledges both. */
export function copyOf(delivery: Delivery): Delivery {
  const { topic, partition, offset, key, value, headers, ack } = delivery;
  return { topic, partition, offset, key, value: value === null ? null : value.slice(), headers, ack };
}
