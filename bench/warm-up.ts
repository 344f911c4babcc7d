import type { Load } from './peers/peer.js';

/** Of the same load before it is measured, the same for every system. */
export const WARM_UP_SECONDS = 10;
/** Parts of a load. */
const PARTS = 10;

/**
 * Runs parts of a closed loop, one after another, until its seconds are over. Programs that are compiled while they run are
 * several times slower in their first seconds, and a service has been up for longer when it matters.
 */
export async function warmUp(load: Load, run: (part: Load) => Promise<unknown>): Promise<void> {
  const end = performance.now() + WARM_UP_SECONDS * 1_000;
  do await run(partOf(load));
  while (performance.now() < end);
}

/** Long enough that it is in flight as the load is, short enough that the seconds are not exceeded by much. */
export function partOf({ inFlight, sagas }: Load): Load {
  return { inFlight, sagas: Math.max(inFlight, Math.ceil(sagas / PARTS)) };
}
