import type { Logger } from '@counterstep/engine';
import { carefully } from '@counterstep/protocol';

const HARD_LIMIT_MS = 25_000;

/**
 * Calls `stop` once at SIGTERM, SIGINT or SIGHUP and then exits with 0. A second signal exits at once, and so does a stop
 * that takes longer than 25 seconds. A rejection that nobody handles ends the process with 1: its state is unknown.
 */
export function endOnSignals(told: Logger, stop: () => Promise<void>): void {
  const logger = carefully(told);
  let isStopping = false;
  const end = (signal: string): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info('stopping', { signal });
    setTimeout(() => {
      logger.error('it did not stop in time', { milliseconds: HARD_LIMIT_MS });
      process.exit(1);
    }, HARD_LIMIT_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error('it could not stop cleanly', { error: textOf(error) });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  process.on('unhandledRejection', (error) => {
    logger.error('a rejection was not handled', { error: textOf(error) });
    process.exit(1);
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
