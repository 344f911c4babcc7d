import type { Command } from '@counterstep/protocol';
import type { Logger } from '../logger.js';

/** Where what handlers tell while they run goes, apart from heartbeats: a `ProgressSink` of @counterstep/worker fits. */
export interface InProcessSink {
  progress(command: Command, current: number, total: number, category: string): void;
  log(
    command: Command,
    event: string,
    data: Readonly<Record<string, unknown>>,
    file: string | undefined,
  ): void;
  metrics(command: Command, values: Readonly<Record<string, number>>, category: string): void;
}

export function loggingSink(logger: Logger): InProcessSink {
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
