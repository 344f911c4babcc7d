import type { BusLogger } from '@counterstep/bus';

/** What the orchestrator tells about itself. Facts carry `sagaId`, `step` and `attempt` where there are such. */
export type Logger = BusLogger;

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
