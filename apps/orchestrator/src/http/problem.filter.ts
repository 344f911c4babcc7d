import type { IncomingMessage, ServerResponse } from 'node:http';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@counterstep/engine';
import { problemOf } from './problem.js';

const RETRY_AFTER_SECONDS = '1';

/** Answers every error as `application/problem+json`; what is our own fault is logged with its stack. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<IncomingMessage>();
    const response = http.getResponse<ServerResponse>();
    const body = problemOf(error);
    const facts = { method: request.method, url: request.url, status: body.status, code: body.code };
    if (body.status >= 500) {
      const reason =
        error instanceof Error ? (body.code === 'INTERNAL' ? error.stack : error.message) : error;
      this.logger[body.status === 500 ? 'error' : 'warn']('a request failed', { ...facts, error: reason });
    } else {
      this.logger.debug('a request was refused', { ...facts, detail: body.detail });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.writeHead(body.status, {
      'content-type': 'application/problem+json',
      ...(body.status === 503 && { 'retry-after': RETRY_AFTER_SECONDS }),
    });
    response.end(JSON.stringify(body));
  }
}
