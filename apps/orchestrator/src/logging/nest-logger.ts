import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@counterstep/engine';

/** Nest's own messages in our log. What it tells about its start is for those who look for a fault in it. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...more: unknown[]): void {
    this.logger.debug(String(message), context(more));
  }

  debug(message: unknown, ...more: unknown[]): void {
    this.logger.debug(String(message), context(more));
  }

  verbose(message: unknown, ...more: unknown[]): void {
    this.logger.debug(String(message), context(more));
  }

  warn(message: unknown, ...more: unknown[]): void {
    this.logger.warn(String(message), context(more));
  }

  error(message: unknown, ...more: unknown[]): void {
    const stack = message instanceof Error ? message.stack : more.find((each) => String(each).includes('\n'));
    this.logger.error(String(message), { ...context(more), ...(stack !== undefined && { error: stack }) });
  }

  fatal(message: unknown, ...more: unknown[]): void {
    this.error(message, ...more);
  }
}

/** Nest passes the class that speaks as the last argument. */
function context(more: readonly unknown[]): { context?: string } {
  const last = more.at(-1);
  return typeof last === 'string' && !last.includes('\n') ? { context: last } : {};
}
