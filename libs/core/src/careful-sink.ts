import type { Command, Logger } from '@counterstep/protocol';
import { factsOf } from './handler-errors.js';
import type { ProgressSink } from './handler-context.js';

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

/** What a log line says of a command. */
export function factsOfCommand(command: Command): Record<string, unknown> {
  const { sagaid: sagaId, step, attempt, direction, worker, effectkey: effectKey } = command;
  return { sagaId, step, attempt, direction, worker, effectKey };
}
