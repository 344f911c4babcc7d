import type { Row } from '../row.js';
import type { Stack } from './stack.js';

/** Sagas in flight, and how many in all. A warm-up at the same concurrency goes before, and is not measured. */
export interface Load {
  readonly inFlight: number;
  readonly sagas: number;
}

/** What one load gave: the part of a row that is measured. */
export type Figures = Pick<Row, 'completed' | 'seconds' | 'sagaMs' | 'cpuSeconds' | 'rssMb'> & Partial<Row>;

/** A system that runs W1: a saga of three steps that do nothing, each with an input of 256 bytes. */
export interface Peer {
  /** Names its rows and their files. */
  readonly name: string;
  readonly version: string;
  readonly class: Row['class'];
  /** What is on disk before a saga goes on. Stands behind what its Postgres says of itself, if it has one. */
  readonly durability: string;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly notes?: readonly string[];
  /** In the order in which they run. Each is sized to last 10 to 20 s on two cores. */
  readonly loads: readonly Load[];
  /** Downloads and builds what is not in the cache yet. Resolves with the reason when that is impossible here. */
  setUp(): Promise<{ absent: string } | undefined>;
  /** Starts it on `stack`, which also stops it. Resolves with its measure when it can take load. */
  start(stack: Stack): Promise<(load: Load, repeat: number) => Promise<Figures>>;
}
