import { StepsError } from '@counterstep/steps';

export type ActionErrorCode =
  | 'DUPLICATE_ACTION'
  | 'NO_CONTEXT'
  | 'NO_PORT'
  | 'NOTHING_TO_RUN'
  | 'PARAMS_INVALID'
  | 'STEPS_NOT_RUN'
  | 'UNKNOWN_ACTION'
  | 'UNKNOWN_FORMAT';

/** An action cannot be run as it is written or called. The message says how to mend it. */
export class ActionError extends StepsError<ActionErrorCode> {
  readonly retryable = false;
}
