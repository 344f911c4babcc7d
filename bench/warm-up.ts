const SHARE = 0.25;
const ROUNDS = 3;
const LEAST = 50;

/**
 * Sagas that run before a closed loop is measured, the same for every system: a quarter of the load, and never less than a
 * few rounds of those in flight. Programs that are compiled while they run are several times slower in their first seconds.
 */
export function warmedUpBy({ inFlight, sagas }: { inFlight: number; sagas: number }): number {
  return Math.min(sagas, Math.max(LEAST, ROUNDS * inFlight, Math.round(sagas * SHARE)));
}
