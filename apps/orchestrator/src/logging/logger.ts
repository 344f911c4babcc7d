import type { Writable } from 'node:stream';
import type { Logger } from '@counterstep/engine';
import { pinoLogger } from '@counterstep/worker';
import { pino } from 'pino';
import { PrettyLines } from './pretty-lines.js';

export interface LoggerOptions {
  /** Which part of the system it is; the field `name`. */
  readonly name: string;
  readonly level: string;
  /** Where the lines go; default stdout. */
  readonly destination?: Writable;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean;
}

/** Writes JSON lines with the facts (`sagaId`, `step`, `attempt`, …) as fields, or lines for people. */
export function createLogger({ name, level, destination = process.stdout, pretty }: LoggerOptions): Logger {
  return pinoLogger(pino({ name, level }, pretty ? new PrettyLines(destination) : destination));
}
