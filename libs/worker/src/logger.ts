import type { BusLogger } from '@counterstep/bus';

/** The four levels that a worker logs at. Facts carry `sagaId`, `step` and `attempt` where there are such. */
export type WorkerLogger = BusLogger;

export const silentLogger: WorkerLogger = { debug() {}, info() {}, warn() {}, error() {} };
