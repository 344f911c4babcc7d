import type { ProgressSink } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
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

export function factsOfCommand(command: Command): Record<string, unknown> {
  const { sagaid: sagaId, step, attempt, worker } = command;
  return { sagaId, step, attempt, worker };
}
