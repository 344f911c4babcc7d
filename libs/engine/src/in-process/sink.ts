import { factsOfCommand, type ProgressSink } from '@counterstep/core';
import type { Logger } from '../logger.js';

/** Writes what handlers tell to the log, at level debug. */
export function loggingSink(logger: Logger): ProgressSink {
  return {
    progress: (command, current, total, category) => {
      logger.debug('progress', { ...factsOfCommand(command), current, total, category });
    },
    log: (command, event, data, file) => {
      logger.debug(event, { ...factsOfCommand(command), data, file });
    },
    metrics: (command, values, category) => {
      logger.debug('metrics', { ...factsOfCommand(command), values, category });
    },
  };
}
