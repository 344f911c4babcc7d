import type { BusLogger } from '@counterstep/bus';

/** The four levels that a worker logs at. Facts carry `sagaId`, `step` and `attempt` where there are such. */
export type WorkerLogger = BusLogger;

type PinoMethod = (facts: Record<string, unknown>, message: string) => void;

/** A `WorkerLogger` that writes to a pino logger: JSON lines with the facts as fields. */
export function pinoLogger(log: Record<'debug' | 'info' | 'warn' | 'error', PinoMethod>): WorkerLogger {
  return {
    debug: (message, facts = {}) => log.debug(facts, message),
    info: (message, facts = {}) => log.info(facts, message),
    warn: (message, facts = {}) => log.warn(facts, message),
    error: (message, facts = {}) => log.error(facts, message),
  };
}
