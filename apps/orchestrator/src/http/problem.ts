import { HttpException } from '@nestjs/common';
import {
  CounterstepError,
  StateStoreError,
  ValidationError,
  WorkflowExecutionError,
} from '@counterstep/core';
import type { ProblemBody } from '@counterstep/protocol';

/** The one table from an error's code to its HTTP status. */
export const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  NOT_JSON: 400,
  UNSTORABLE_TEXT: 400,
  FORBIDDEN_KEY: 400,
  UNSTORABLE_NUMBER: 400,
  REQUEST_INVALID: 400,
  INPUT_INVALID: 400,
  BAD_BUSINESS_KEY: 400,
  BAD_REQUEST_ID: 400,
  REASON_MISSING: 400,
  ACTOR_MISSING: 400,
  SIGNAL_INVALID: 400,
  EVIDENCE_MISSING: 400,
  ROUTE_NOT_FOUND: 404,
  UNKNOWN_WORKFLOW: 404,
  UNKNOWN_VERSION: 404,
  SAGA_NOT_FOUND: 404,
  SAGA_CLOSED: 409,
  IDEMPOTENCY_CONFLICT: 409,
  BUSINESS_KEY_TAKEN: 409,
  BODY_TOO_LARGE: 413,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  INTERNAL: 500,
  DEFINITION_ERROR: 500,
  OVERLOADED: 503,
  NOT_STARTED: 503,
  PARKED: 503,
  UNREADABLE_HISTORY: 503,
  UNKNOWN_DEFINITION: 503,
  STORE_UNAVAILABLE: 503,
  TOO_MANY_WATCHERS: 503,
};

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** What Express and Nest find wrong before a controller is reached. */
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'REQUEST_INVALID',
  404: 'ROUTE_NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

export interface FieldProblem {
  /** From the root of the body or of the query. */
  readonly path: string;
  readonly message: string;
  readonly code: string;
}

/** A request that is refused before the engine sees it. */
export class RequestError extends CounterstepError {
  readonly retryable = false;
  constructor(
    code: string,
    message: string,
    readonly problems: readonly FieldProblem[] = [],
  ) {
    super(code, message);
  }
}

/** An issue as a Standard Schema tells it, with what zod adds. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
  readonly code?: string;
  readonly keys?: readonly string[];
}

/** One error for all that a schema found, each with the path of its field. */
export function requestInvalid(issues: readonly SchemaIssue[]): RequestError {
  const problems = issues.flatMap(({ message, path = [], code = 'invalid', keys }) => {
    const at = path.map((part) => String(typeof part === 'object' ? part.key : part));
    const paths = keys ? keys.map((key) => [...at, key]) : [at];
    return paths.map((each) => ({ path: each.join('.'), message, code: code.toUpperCase() }));
  });
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return new RequestError('REQUEST_INVALID', lines.join('; '), problems);
}

/** The problem document for an error. What is not meant for callers (stacks, statements, addresses) does not get in. */
export function problemOf(error: unknown): ProblemBody {
  if (error instanceof StateStoreError)
    return problem(
      'STORE_UNAVAILABLE',
      'the database cannot be used now; a start may or may not have happened: ask again with the same Idempotency-Key',
    );
  if (error instanceof RequestError)
    return problem(
      error.code,
      error.message,
      error.problems.length > 0 ? { problems: error.problems } : {},
      400,
    );
  if (error instanceof ValidationError) return problem(error.code, error.message, factsOf(error), 400);
  if (error instanceof WorkflowExecutionError)
    return problem(error.code, error.message, error.facts, error.retryable ? 503 : 409);
  const status = statusOf(error);
  const code = CODE_OF_STATUS[status] ?? (status < 500 ? 'REQUEST_INVALID' : 'INTERNAL');
  if (status >= 500) return problem('INTERNAL', 'something went wrong here; the log has it');
  const detail = error instanceof Error ? error.message : String(error);
  return { ...problem(code, detail), status, title: TITLES[status] ?? 'Refused' };
}

function problem(code: string, detail: string, facts: object = {}, otherwise = 500): ProblemBody {
  const status = STATUS_OF_CODE[code] ?? otherwise;
  return { type: 'about:blank', title: TITLES[status] ?? 'Refused', status, detail, code, ...facts };
}

function factsOf({ code, problems }: ValidationError): object {
  if (code === 'UNKNOWN_WORKFLOW') return { known: problems.map(({ message }) => message) };
  if (problems.length === 0) return {};
  return {
    problems: problems.map(({ path = '', message, code: each }) => ({
      path: path === '' ? 'input' : `input.${path}`,
      message,
      code: each,
    })),
  };
}

/** Errors of Nest, and of the middleware that reads bodies, carry their status. */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof URIError) return 400;
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
