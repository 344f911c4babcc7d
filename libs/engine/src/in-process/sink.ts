import { factsOf, type ProgressSink } from '@counterstep/core';
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

/** The sink, without what it throws: who looks on must not fail what a handler does. */
export function carefulSink(sink: ProgressSink, logger: Logger): ProgressSink {
  const quietly = (command: Command, tell: () => void): void => {
    try {
      tell();
    } catch (error) {
      logger.warn(`the sink failed: ${factsOf(error).message}`, factsOfCommand(command));
    }
  };
  return {
    progress: (command, ...told) => quietly(command, () => sink.progress(command, ...told)),
    log: (command, ...told) => quietly(command, () => sink.log(command, ...told)),
    metrics: (command, ...told) => quietly(command, () => sink.metrics(command, ...told)),
  };
}

export function factsOfCommand(command: Command): Record<string, unknown> {
  const { sagaid: sagaId, step, attempt, worker } = command;
  return { sagaId, step, attempt, worker };
}
