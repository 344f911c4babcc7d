import { StandardSchemaValidationPipe } from '@nestjs/common';
import { requestInvalid } from './problem.js';

/** Checks what a route declares a schema for. Nest ignores the schemas when no such pipe is registered globally. */
export class RequestPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: (issues) => requestInvalid(issues) });
  }
}
