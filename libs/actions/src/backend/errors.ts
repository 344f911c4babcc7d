import { StepsError } from '@counterstep/steps';

/**
 * `BACKEND_UNREACHABLE`: no answer, in time or at all. `BACKEND_FAILED`: it answered that it cannot do it now (5xx, 408, 425,
 * 429). `BACKEND_REFUSED`: another 4xx, so the same request would be refused again. `BACKEND_BAD_ANSWER`: what it answered is
 * not of the documented form.
 */
export type BackendErrorCode =
  'BACKEND_BAD_ANSWER' | 'BACKEND_FAILED' | 'BACKEND_REFUSED' | 'BACKEND_UNREACHABLE';

/** The data backend did not do what was asked. */
export class BackendError extends StepsError<BackendErrorCode> {
  readonly retryable: boolean;

  constructor(
    code: BackendErrorCode,
    message: string,
    /** The HTTP status, when there was an answer. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.retryable = code === 'BACKEND_UNREACHABLE' || code === 'BACKEND_FAILED';
  }
}

/** The error for an answer with this status, which is none of 2xx. */
export function refusal(status: number, reason: string): BackendError {
  const later = status >= 500 || status === 408 || status === 425 || status === 429;
  return new BackendError(later ? 'BACKEND_FAILED' : 'BACKEND_REFUSED', reason, status);
}
